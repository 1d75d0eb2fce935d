#include "dispatch/journal/journal.h"

#include <algorithm>
#include <utility>

#include "dispatch/access_gate.h"
#include "dispatch/connection.h"

namespace topgun::gateway {

Journal::Journal(const JournalOptions& options, ChangeSource& source, JournalReader& reader,
                 const WallClock& clock, JournalProbe& probe, ChangeObserver& others)
    : options_(options),
      source_(source),
      reader_(reader),
      clock_(clock),
      probe_(probe),
      others_(others),
      hold_back_(options.held_bytes_max),
      gaps_(reader, probe,
            [this](const JournalRecord& record) {
              if (!IsWanted(record.map)) return;
              JournalEvent event = MakeJournalEvent(record);
              event.read_back = true;
              Hold(std::move(event));
            }),
      reads_(options.reads, reader, probe) {}

void Journal::Bind(LoopContext& context) {
  context_ = &context;
  reads_.Bind(context);
}

void Journal::OnRead(Connection& connection, const wire::JournalReadFrame& frame) {
  if (!options_.enabled) return JournalReads::AnswerEmpty(connection, frame.request_id);
  reads_.OnRead(connection, frame);
}

// ---- Subscriptions ----

void Journal::OnSubscribe(Connection& connection, const wire::JournalSubscribeFrame& frame) {
  if (!options_.enabled || !Accepts(connection, frame)) return;
  OnUnsubscribe(connection, {.subscription_id = frame.request_id});
  const auto listener = listeners_.find(&connection);
  if (listener != listeners_.end() &&
      listener->second.subscriptions.size() >= options_.subscriptions_max) {
    probe_.Refused();
    return connection.writes().SendError(429, "too many subscriptions of the journal");
  }
  Subscription& subscription = Add(connection, frame);
  if (frame.map) {
    const Decision decision = context_->gate.CheckRead(connection, *frame.map);
    subscription.readable = decision == Decision::kAllow;
    if (!subscription.readable) AccessGate::RefuseRead(connection, decision, *frame.map);
  }
  if (!frame.from_sequence) return;
  subscription.replay = std::make_unique<Replay>();
  subscription.replay->from = state::ParseJournalSequence(*frame.from_sequence);
  subscription.replay->waiting_since = now_;
  replaying_.push_back(subscription.serial);
  connection.AfterOwnChanges([this, serial = subscription.serial] { Ready(serial); });
}

bool Journal::Accepts(Connection& connection, const wire::JournalSubscribeFrame& frame) {
  std::string problem;
  if (frame.map) problem = wire::ValidateMapName(*frame.map, context_->options.op_limits);
  if (frame.request_id.size() > context_->options.query_id_bytes_max) {
    problem = "requestId: too long";
  }
  if (!problem.empty()) connection.writes().SendError(400, problem);
  return problem.empty();
}

Journal::Subscription& Journal::Add(Connection& connection,
                                    const wire::JournalSubscribeFrame& frame) {
  if (listeners_.empty()) since_ms_ = clock_.NowMs();
  Listener& listener = listeners_[&connection];
  auto made = std::make_unique<Subscription>();
  made->serial = next_serial_++;
  made->connection = &connection;
  made->listener = &listener;
  made->interest = &InterestIn(frame.map);
  made->id.assign(frame.request_id);
  made->types = frame.types;
  made->since_event = next_event_;
  made->since_ms = clock_.NowMs();
  Subscription& subscription = *made;
  subscription.interest->subscriptions.push_back(&subscription);
  by_serial_.emplace(subscription.serial, &subscription);
  listener.subscriptions.push_back(std::move(made));
  probe_.Subscriptions(1);
  return subscription;
}

Journal::Interest& Journal::InterestIn(std::optional<std::string_view> map) {
  if (!map) {
    if (all_maps_.subscriptions.empty()) all_maps_.id = source_.WantAllMaps(true);
    return all_maps_;
  }
  const auto known = interests_.find(*map);
  if (known != interests_.end()) return *known->second;
  auto interest = std::make_unique<Interest>();
  interest->map.emplace(*map);
  interest->id = source_.AddInterest(*interest->map);
  return *interests_.emplace(*interest->map, std::move(interest)).first->second;
}

void Journal::OnUnsubscribe(Connection& connection, const wire::JournalUnsubscribeFrame& frame) {
  const auto listener = listeners_.find(&connection);
  if (listener == listeners_.end()) return;
  auto& own = listener->second.subscriptions;
  const auto found = std::find_if(own.begin(), own.end(), [&frame](const auto& subscription) {
    return subscription->id == frame.subscription_id;
  });
  if (found == own.end()) return;
  Remove(**found);
  own.erase(found);
  if (own.empty()) listeners_.erase(listener);
  if (listeners_.empty()) gaps_.Clear();
}

void Journal::Forget(Connection& connection) {
  reads_.Forget(connection);
  const auto listener = listeners_.find(&connection);
  if (listener == listeners_.end()) return;
  for (const auto& subscription : listener->second.subscriptions) Remove(*subscription);
  listeners_.erase(listener);
  if (listeners_.empty()) gaps_.Clear();
}

void Journal::Remove(Subscription& subscription) {
  by_serial_.erase(subscription.serial);
  Detach(*subscription.interest, subscription);
  probe_.Subscriptions(-1);
}

void Journal::Detach(Interest& interest, Subscription& subscription) {
  std::erase(interest.subscriptions, &subscription);
  if (!interest.subscriptions.empty()) return;
  if (!interest.map) {
    source_.WantAllMaps(false);
    return;
  }
  source_.RemoveInterest(*interest.map);
  interests_.erase(interests_.find(*interest.map));
}

void Journal::Recheck() {
  for (const auto& [map, interest] : interests_) {
    for (Subscription* const subscription : interest->subscriptions) {
      const Decision decision = context_->gate.CheckRead(*subscription->connection, map);
      const bool readable = decision == Decision::kAllow;
      if (std::exchange(subscription->readable, readable) && !readable) {
        AccessGate::RefuseRead(*subscription->connection, decision, map);
      }
    }
  }
}

// ---- Events ----

bool Journal::IsWanted(std::string_view map) const {
  return !all_maps_.subscriptions.empty() || interests_.contains(map);
}

void Journal::OnChange(const Change& change) {
  if (!listeners_.empty() && IsWanted(change.map)) {
    if (auto event = MakeJournalEvent(change)) {
      gaps_.Seen(*event);
      Hold(std::move(*event));
    }
  }
  others_.OnChange(change);
}

void Journal::OnGap(uint32_t shard) {
  if (!listeners_.empty()) gaps_.OnGap(shard, since_ms_);
  others_.OnGap(shard);
}

void Journal::OnProgress() {
  GoOnReplaying();
  others_.OnProgress();
}

void Journal::Hold(JournalEvent event) {
  event.number = next_event_++;
  hold_back_.Add(std::make_shared<const JournalEvent>(std::move(event)));
}

void Journal::Tick(Time now) {
  now_ = now;
  reads_.Tick(now);
  gaps_.Tick(now);
  if (gaps_.open() && hold_back_.overfull()) gaps_.GiveUp();
  if (!gaps_.open()) TellDue();
  GoOnReplaying();
  const auto held = static_cast<int64_t>(hold_back_.bytes());
  const int64_t before = std::exchange(held_reported_, held);
  if (held != before) probe_.Held(held - before);
}

void Journal::TellDue() {
  if (hold_back_.overfull()) probe_.Overfull();
  for (const JournalEventPtr& event : hold_back_.TakeDue()) {
    if (event->sequence < last_told_) probe_.Late();
    last_told_ = std::max(last_told_, event->sequence);
    Tell(event);
  }
}

template <typename Do>
void Journal::ForEachMatch(const JournalEvent& event, Do&& act) {
  const auto visit = [&](const Interest& interest) {
    for (Subscription* const subscription : interest.subscriptions) {
      if (Matches(*subscription, event)) act(*subscription);
    }
  };
  visit(all_maps_);
  if (const auto found = interests_.find(event.map); found != interests_.end()) {
    visit(*found->second);
  }
}

bool Journal::Matches(const Subscription& subscription, const JournalEvent& event) const {
  if (subscription.types != 0 && (subscription.types & static_cast<uint8_t>(event.type)) == 0) {
    return false;
  }
  if (Includes(subscription.replayed, event.sequence.shard, event.position)) return false;
  // What is read back came after everything, whenever it happened.
  return event.read_back ? static_cast<int64_t>(event.sequence.commit_ms) >= subscription.since_ms
                         : event.number >= subscription.since_event;
}

bool Journal::MayTell(const Subscription& subscription, std::string_view map) const {
  return context_->gate.CheckRead(*subscription.connection, map) == Decision::kAllow;
}

// A replay does not repeat what its connection is told through another subscription.
void Journal::Tell(const JournalEventPtr& event) {
  ForEachMatch(*event, [&](Subscription& subscription) {
    if (subscription.replay || subscription.listener->told == event->number) return;
    if (!MayTell(subscription, event->map)) return;
    subscription.listener->told = event->number;
    const bool queued = subscription.connection->session().Push(
        {.head = event->frame, .tail = {}, .key = {}, .lossy = true});
    probe_.Pushed(queued);
  });
  ForEachMatch(*event, [&](Subscription& subscription) {
    if (!subscription.replay || subscription.listener->told == event->number) return;
    Keep(*subscription.replay, event);
  });
}

}  // namespace topgun::gateway
