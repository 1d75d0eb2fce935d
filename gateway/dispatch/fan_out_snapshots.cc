// FanOut: snapshots. One read per map answers all subscriptions that wait for it; changes that
// arrive while it is on its way follow it.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/connection.h"
#include "dispatch/error_codes.h"
#include "dispatch/fan_out.h"
#include "dispatch/query_rows.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

template <typename Do>
void FanOut::ForEach(const Topic& topic, Stage stage, Do&& act) {
  for (const auto& [connection, held] : topic.subscribers) {
    for (Subscription* const subscription : held) {
      if (subscription->stage == stage) act(*subscription);
    }
  }
}

void FanOut::StartReads() {
  if (waiting_ == 0) return;
  for (const auto& [map, topic] : topics_) StartRead(*topic);
}

void FanOut::StartRead(Topic& topic) {
  if (topic.reading || !topic.waiting_since || now_ < topic.read_not_before) return;
  if (!source_.Confirmed(topic.interest)) return;
  size_t readers = 0;
  Tracer::QuestionPtr question;  // one of those that the read is for
  ForEach(topic, Stage::kWaiting, [&, this](Subscription& subscription) {
    if (subscription.wants == Wants::kEvents) return Follow(subscription);
    subscription.stage = Stage::kReading;
    if (subscription.question != nullptr) question = subscription.question;
    ++readers;
  });
  topic.waiting_since.reset();
  if (readers == 0) return;
  waiting_ -= readers;
  topic.reading = true;
  topic.stale = false;
  topic.kept.clear();
  topic.kept_bytes = 0;
  const Tracer::Scope scope(probe_.tracer(), std::move(question));
  reader_.Read(topic.map, [this, stream = topic.stream, map = topic.map](const auto& snapshot) {
    OnSnapshot(stream, map, snapshot);
  });
}

void FanOut::OnSnapshot(uint64_t stream, const std::string& map,
                        const StatusOr<std::shared_ptr<const MapSnapshot>>& snapshot) {
  probe_.SnapshotRead(snapshot.ok());
  const auto found = topics_.find(map);
  if (found == topics_.end() || found->second->stream != stream) return;
  Topic& topic = *found->second;
  topic.reading = false;
  if (!snapshot.ok() || topic.stale) {
    if (!snapshot.ok()) {
      Fail(topic, Stage::kReading);
      topic.read_not_before = now_ + options_.read_retry;
    }
    ForEach(topic, Stage::kReading, [this](Subscription& subscription) {
      subscription.stage = Stage::kWaiting;
      ++waiting_;
    });
    topic.waiting_since = now_;
    return StartRead(topic);
  }
  const MapSnapshot& rows = **snapshot;
  resp_.results = rows.rows;
  resp_.has_more = rows.has_more;
  resp_.cursor_status = "none";
  // Who gets this snapshot is not to hear of rows that had expired when it was taken.
  HideExpired(topic, options_.expired_per_tick);
  LearnExpiries(topic, rows);
  topic.positions = std::make_shared<const std::vector<state::Position>>(rows.positions);
  ForEach(topic, Stage::kReading, [&](Subscription& subscription) { Settle(subscription, topic); });
  for (const auto& change : topic.kept) {
    if (!Includes(topic.positions, *change)) FollowExpiry(topic, *change);
  }
  topic.kept.clear();
  topic.kept_bytes = 0;
  StartRead(topic);  // for those that came meanwhile
}

void FanOut::Settle(Subscription& subscription, const Topic& topic) {
  Connection& connection = *subscription.connection;
  resp_.query_id = subscription.query_id;
  std::string frame;
  wire::EncodeQueryResp(resp_, frame);
  connection.session().Reply(std::move(frame));
  if (subscription.question != nullptr) {
    probe_.tracer().Answered(*std::exchange(subscription.question, nullptr));
  }

  // Connections with a live query on the map have had the kept events already.
  const bool has_events = IsLive(connection, topic);
  subscription.stage = Stage::kSettled;
  // An update must not replace one that is still queued before the rows.
  subscription.stream = next_number_++;
  subscription.live = true;
  subscription.positions = topic.positions;
  for (const auto& change : topic.kept) {
    if (Includes(subscription.positions, *change)) continue;
    if (!has_events && IsTold(connection, *change)) {
      SendEvent(connection, topic, *change);
      if (change->is_lww) told_.Add(change->value_id);
    }
    if (change->origin != connection.origin()) SendUpdate(subscription, *change);
  }
  if (!has_events && on_live_) on_live_(connection, topic.map);
}

// Not while a read is on its way: what is kept for the connection's other queries on the map would
// be taken for told.
void FanOut::Follow(Subscription& subscription) {
  --waiting_;
  const bool has_events = IsLive(*subscription.connection, *subscription.topic);
  subscription.stage = Stage::kFollowing;
  subscription.live = true;
  ++subscription.topic->following;
  if (!has_events && on_live_) on_live_(*subscription.connection, subscription.topic->map);
  query_rows_->Begin(subscription.serial);
}

bool FanOut::IsLive(Connection& connection, const Topic& topic) {
  const std::vector<Subscription*>& held = topic.subscribers.find(&connection)->second;
  return std::any_of(held.begin(), held.end(),
                     [](const Subscription* subscription) { return subscription->live; });
}

void FanOut::Fail(const Topic& topic, Stage stage) {
  ForEach(topic, stage, [&topic](const Subscription& subscription) {
    subscription.connection->writes().SendError(
        kUnavailable, "map cannot be read at the moment, still trying: " + topic.map);
  });
}

void FanOut::ReadAgain(Topic& topic) {
  ForEach(topic, Stage::kSettled, [&, this](Subscription& subscription) {
    subscription.stage = Stage::kWaiting;
    ++waiting_;
    if (!topic.waiting_since) topic.waiting_since = now_;
  });
}

}  // namespace topgun::gateway
