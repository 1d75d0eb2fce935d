// Locks: what connections hold, for how long, and what is left of it when they go.
#include <algorithm>
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/locks.h"

namespace topgun::gateway {

void Locks::Hold(const Found& found, const Place& place, uint64_t token, Milliseconds ttl) {
  Lock& lock = *found.lock;
  Time until = Now() + ttl;
  if (lock.token == token) until = std::max(until, lock.lease->first);
  LetGo(*found.holder, lock);
  lock.token = token;
  lock.lease = leases_.emplace(until, std::pair(place.connection, place.name));
  ++found.holder->count;
  probe_.locks().Held(1);
}

void Locks::LetGo(Holder& holder, Lock& lock) {
  if (lock.token == 0) return;
  lock.token = 0;
  leases_.erase(lock.lease);
  --holder.count;
  probe_.locks().Held(-1);
}

Locks::Milliseconds Locks::LeaseLeft(const Lock& lock) const {
  if (lock.token == 0) return kCleanUpPatience;
  return std::max(std::chrono::ceil<Milliseconds>(lock.lease->first - Now()), kCleanUpPatience);
}

void Locks::GiveBack(LockHold hold, Milliseconds patience) {
  client_.Release(hold, patience, [&probe = probe_](const StatusOr<bool>& released) {
    probe.locks().GivenBack(released.ok());
  });
}

void Locks::Forget(Connection& connection) {
  const auto holder = holders_.find(&connection);
  if (holder == holders_.end()) return;
  for (auto& [name, lock] : holder->second.locks) {
    const bool acquiring = lock.running && lock.steps.front().kind == Step::Kind::kAcquire;
    if (acquiring) client_.Cancel(lock.call);
    // A release that is under way goes on.
    const bool may_be_held = acquiring || (lock.token != 0 && !lock.running);
    const Milliseconds patience =
        std::max(LeaseLeft(lock), acquiring ? lock.steps.front().ttl : Milliseconds(0));
    if (may_be_held) GiveBack({.name = name, .owner = connection.origin()}, patience);
    LetGo(holder->second, lock);
    while (!lock.steps.empty()) {
      const Step step = Pop(holder->second, lock);
      if (step.kind == Step::Kind::kAcquire) probe_.locks().Requested(LockFate::kLeft);
    }
  }
  holders_.erase(holder);
}

void Locks::Tick(Time now) {
  last_tick_ = now;
  while (!answers_.empty() && answers_.front().by <= now) {
    const Place place = std::move(answers_.front().place);
    answers_.pop_front();
    const Found found = Find(place);
    if (!found) continue;
    for (Step& step : found.lock->steps) {
      if (step.number != place.number) continue;
      step.answered = true;
      probe_.locks().Released(ReleaseFate::kFailed);
      SendReleased(*found.connection, step.request_id, place.name, false);
    }
  }
  while (!leases_.empty() && leases_.begin()->first <= now) {
    const auto [connection, name] = leases_.begin()->second;
    const Place place{.connection = connection, .name = name};
    const Found found = Find(place);
    LetGo(*found.holder, *found.lock);
    Advance(place);
  }
}

}  // namespace topgun::gateway
