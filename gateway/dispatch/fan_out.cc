#include "dispatch/fan_out.h"

#include <algorithm>
#include <utility>

#include "dispatch/access_gate.h"
#include "dispatch/connection.h"
#include "dispatch/query_rows.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

std::optional<uint64_t> FanOut::Subscribe(Connection& connection, std::string_view query_id,
                                          std::string_view map, Wants wants, bool readable) {
  Unsubscribe(connection, query_id);
  std::vector<Subscription*>& own = by_connection_[&connection];
  if (own.size() >= options_.subscriptions_max) return std::nullopt;

  Topic& topic = TopicOf(map);
  auto subscription = std::make_unique<Subscription>();
  subscription->serial = next_number_++;
  subscription->connection = &connection;
  subscription->topic = &topic;
  subscription->query_id.assign(query_id);
  subscription->wants = wants;
  subscription->readable = readable;
  if (!readable) subscription->stage = Stage::kSuspended;
  std::string prefix;
  wire::EncodeQueryUpdatePrefix(query_id, prefix);
  subscription->prefix = std::make_shared<const std::string>(std::move(prefix));

  own.push_back(subscription.get());
  topic.subscribers[&connection].push_back(subscription.get());
  topic.idle_since.reset();
  if (wants == Wants::kRows) ++topic.unfiltered;
  probe_.Subscriptions(1);
  const uint64_t serial = subscription->serial;
  subscriptions_.emplace(serial, std::move(subscription));
  return serial;
}

FanOut::Topic& FanOut::TopicOf(std::string_view map) {
  if (const auto found = topics_.find(map); found != topics_.end()) return *found->second;
  auto topic = std::make_unique<Topic>(expiry_budget_);
  topic->map.assign(map);
  topic->stream = next_number_++;
  topic->interest = source_.AddInterest(topic->map);
  Topic& made = *topic;
  topics_.emplace(made.map, std::move(topic));
  return made;
}

void FanOut::Trace(uint64_t serial, Tracer::QuestionPtr question) {
  const auto found = subscriptions_.find(serial);
  if (found != subscriptions_.end()) found->second->question = std::move(question);
}

void FanOut::Ready(uint64_t serial) {
  const auto found = subscriptions_.find(serial);
  if (found == subscriptions_.end()) return;
  Subscription& subscription = *found->second;
  if (!subscription.readable) return Suspend(subscription);
  Wait(subscription);
}

void FanOut::Wait(Subscription& subscription) {
  subscription.stage = Stage::kWaiting;
  ++waiting_;
  if (!subscription.topic->waiting_since) subscription.topic->waiting_since = now_;
  StartRead(*subscription.topic);
}

void FanOut::Suspend(Subscription& subscription) {
  if (subscription.stage == Stage::kWaiting) --waiting_;
  if (subscription.stage == Stage::kFollowing) {
    --subscription.topic->following;
    query_rows_->Suspend(subscription.serial);
  }
  subscription.stage = Stage::kSuspended;
  subscription.live = false;
  subscription.positions.reset();
}

void FanOut::Recheck() {
  for (const auto& [serial, subscription] : subscriptions_) {
    const std::string& map = subscription->topic->map;
    const Decision decision = gate_->CheckRead(*subscription->connection, map);
    const bool readable = decision == Decision::kAllow;
    if (std::exchange(subscription->readable, readable) == readable) continue;
    if (!readable) AccessGate::RefuseRead(*subscription->connection, decision, map);
    // One that is held still hears of its connection's writes.
    if (subscription->stage == Stage::kHeld) continue;
    if (readable) {
      Wait(*subscription);
    } else {
      Suspend(*subscription);
    }
  }
}

void FanOut::Unsubscribe(Connection& connection, std::string_view query_id) {
  const auto own = by_connection_.find(&connection);
  if (own == by_connection_.end()) return;
  const auto found = std::find_if(own->second.begin(), own->second.end(),
                                  [&](const auto* held) { return held->query_id == query_id; });
  if (found == own->second.end()) return;
  Subscription& subscription = **found;
  own->second.erase(found);
  Remove(subscription);
}

bool FanOut::Holds(Connection& connection, std::string_view query_id) const {
  const auto own = by_connection_.find(&connection);
  return own != by_connection_.end() &&
         std::any_of(own->second.begin(), own->second.end(),
                     [&](const auto* held) { return held->query_id == query_id; });
}

size_t FanOut::CountOf(Connection& connection) const {
  const auto found = by_connection_.find(&connection);
  return found == by_connection_.end() ? 0 : found->second.size();
}

void FanOut::Forget(Connection& connection) {
  const auto own = by_connection_.find(&connection);
  if (own == by_connection_.end()) return;
  for (Subscription* const subscription : own->second) Remove(*subscription);
  by_connection_.erase(own);
}

// Takes it out of everything but by_connection_.
void FanOut::Remove(Subscription& subscription) {
  Topic& topic = *subscription.topic;
  const auto subscriber = topic.subscribers.find(subscription.connection);
  std::erase(subscriber->second, &subscription);
  if (subscriber->second.empty()) topic.subscribers.erase(subscriber);
  if (topic.subscribers.empty()) topic.idle_since = now_;
  if (subscription.wants == Wants::kRows && --topic.unfiltered == 0) topic.expiries.Clear();
  if (subscription.wants == Wants::kEvents) query_rows_->End(subscription.serial);
  if (subscription.stage == Stage::kWaiting) --waiting_;
  if (subscription.stage == Stage::kFollowing) --topic.following;
  probe_.Subscriptions(-1);
  subscriptions_.erase(subscription.serial);
}

void FanOut::OnChange(const Change& change) {
  const auto found = topics_.find(change.map);
  if (found == topics_.end() || found->second->subscribers.empty()) return;
  Topic& topic = *found->second;
  auto encoded = EncodeChange(change, clock_.NowMs());
  if (encoded == nullptr) return;
  if (topic.unfiltered > 0 && !Includes(topic.positions, *encoded)) {
    // The cluster has seen the record expire before it was replaced.
    if (encoded->is_lww && !change.was_live && topic.expiries.Cancel(change.key)) {
      SendLeave(topic, change.key);
    }
    FollowExpiry(topic, *encoded);
  }
  Deliver(topic, *encoded);
  if (topic.following > 0 && encoded->is_lww) query_rows_->OnChange(change);
  if (topic.reading && !topic.stale) Keep(topic, std::move(encoded));
}

// Writers know what they wrote, unless the cluster changed its stamp or they may have done so
// themselves (told_values.h).
bool FanOut::IsTold(const Connection& connection, const EncodedChange& change) const {
  if (change.origin != connection.origin() || change.tell_origin) return true;
  return change.is_lww && told_.Contains(change.value_id);
}

void FanOut::Keep(Topic& topic, std::shared_ptr<const EncodedChange> change) {
  topic.kept_bytes += change->size();
  topic.kept.push_back(std::move(change));
  if (topic.kept_bytes <= options_.kept_bytes_max) return;
  // Reading again is cheaper than keeping any number of changes.
  topic.stale = true;
  topic.kept.clear();
  topic.kept_bytes = 0;
}

void FanOut::Deliver(const Topic& topic, const EncodedChange& change) {
  bool told = false;
  for (const auto& [connection, held] : topic.subscribers) {
    const bool own = change.origin == connection->origin();
    if (!IsTold(*connection, change)) continue;
    bool event_sent = false;
    for (const Subscription* const subscription : held) {
      if (!subscription->live || Includes(subscription->positions, change)) continue;
      if (!std::exchange(event_sent, true)) SendEvent(*connection, topic, change);
      if (!own) SendUpdate(*subscription, change);
    }
    told = told || event_sent;
  }
  if (told && change.is_lww) told_.Add(change.value_id);
}

void FanOut::SendEvent(Connection& connection, const Topic& topic, const EncodedChange& change) {
  probe_.PushSent();
  if (change.origin == connection.origin()) probe_.Echoed();
  connection.session().Push({.head = change.event,
                             .tail = {},
                             .stream = change.is_lww ? topic.stream : 0,
                             .key = change.key,
                             .keep = false});
}

void FanOut::SendUpdate(const Subscription& subscription, const EncodedChange& change) {
  if (change.update == nullptr || subscription.wants == Wants::kEvents) return;
  probe_.PushSent();
  subscription.connection->session().Push({.head = subscription.prefix,
                                           .tail = change.update,
                                           .stream = subscription.stream,
                                           .key = change.key,
                                           .keep = change.change == wire::ChangeType::kEnter});
}

void FanOut::ForEachMap(const std::function<void(const std::string& map)>& visit) const {
  for (const auto& [map, topic] : topics_) {
    if (!topic->subscribers.empty()) visit(map);
  }
}

void FanOut::ForEachSubscriber(const std::string& map,
                               const std::function<void(Connection&)>& visit) const {
  const auto found = topics_.find(map);
  if (found == topics_.end()) return;
  for (const auto& [connection, held] : found->second->subscribers) {
    const bool readable = std::any_of(
        held.begin(), held.end(), [](const auto* subscription) { return subscription->readable; });
    if (readable) visit(*connection);
  }
}

void FanOut::OnGap(uint32_t /*shard*/) {
  probe_.WatchGap();
  if (on_gap_) on_gap_();
  for (const auto& [map, topic] : topics_) {
    topic->stale = topic->stale || topic->reading;
    ReadAgain(*topic);
  }
  query_rows_->OnGap();
}

void FanOut::OnProgress() {
  StartReads();
  query_rows_->OnProgress();
}

void FanOut::Tick(Time now) {
  now_ = now;
  HideAllExpired();
  StartReads();
  for (auto it = topics_.begin(); it != topics_.end();) {
    Topic& topic = *it->second;
    if (topic.waiting_since && now - *topic.waiting_since > options_.wait_limit) {
      Fail(topic, Stage::kWaiting);
      topic.waiting_since = now;
    }
    if (topic.idle_since && now - *topic.idle_since > options_.interest_linger) {
      source_.RemoveInterest(topic.map);
      it = topics_.erase(it);
    } else {
      ++it;
    }
  }
}

}  // namespace topgun::gateway
