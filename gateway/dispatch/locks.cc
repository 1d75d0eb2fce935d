#include "dispatch/locks.h"

#include <algorithm>

#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/error_codes.h"
#include "wire/plain_name.h"
#include "wire/server_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kBadName = 400;
constexpr int64_t kTooManyLocks = 429;

milliseconds TtlOf(std::optional<double> ttl_ms) {
  // Not a number counts as none.
  if (!ttl_ms || *ttl_ms == 0 || *ttl_ms != *ttl_ms) return Locks::kTtlDefault;
  const double clamped = std::clamp(*ttl_ms, static_cast<double>(Locks::kTtlMin.count()),
                                    static_cast<double>(Locks::kTtlMax.count()));
  return milliseconds(static_cast<int64_t>(clamped));
}

// What the client adds its patience to is the ttl as it sent it.
milliseconds WaitOf(std::optional<double> ttl_ms) {
  milliseconds sent = Locks::kTtlDefault;
  if (ttl_ms && *ttl_ms == *ttl_ms) {
    const double longest = static_cast<double>(Locks::kTtlMax.count());
    sent = milliseconds(static_cast<int64_t>(std::clamp(*ttl_ms, 0.0, longest)));
  }
  return sent + Locks::kClientPatience - Locks::kMargin;
}

}  // namespace

// ---- Frames ----

void Locks::OnRequest(Connection& connection, const wire::LockRequestFrame& frame) {
  if (!wire::IsPlainName(frame.name)) return Refuse(connection, kBadName, "Invalid lock name");
  if (frame.request_id.size() > context_->options.query_id_bytes_max) {
    return Refuse(connection, kBadName, "requestId: too long");
  }
  const std::string name(frame.name);
  const Decision decision = MayLock(connection, name);
  if (decision == Decision::kUnknown) {
    return Refuse(connection, kUnavailable,
                  "access policies are not known yet, lock cannot be granted: " + name);
  }
  if (decision == Decision::kDeny) {
    return Refuse(connection, kForbidden, "Access Denied for lock " + name);
  }
  if (CountOf(connection) >= options_.per_connection_max) {
    return Refuse(connection, kTooManyLocks, "too many locks");
  }
  probe_.locks().Waiting(1);
  Push(connection, name,
       {.kind = Step::Kind::kAcquire,
        .request_id = std::string(frame.request_id),
        .ttl = TtlOf(frame.ttl_ms),
        .received = Now(),
        .wait_until = Now() + WaitOf(frame.ttl_ms)});
  Advance({.connection = connection.id(), .name = name});
}

Decision Locks::MayLock(const Connection& connection, std::string_view name) const {
  if (context_->access.open()) return Decision::kAllow;
  return context_->access.Check(connection.principal(), Action::kWrite, name, {});
}

void Locks::Refuse(Connection& connection, int64_t code, std::string_view text) {
  probe_.locks().Requested(LockFate::kRefused);
  connection.writes().SendError(code, text);
}

void Locks::OnRelease(Connection& connection, const wire::LockReleaseFrame& frame) {
  Lock* const lock = FindLock(connection, frame.name);
  const std::string_view request_id = frame.request_id.value_or(std::string_view());
  const auto token = static_cast<uint64_t>(frame.fencing_token.value_or(0));
  const bool held = lock != nullptr && token != 0 && token == lock->token && !lock->releasing;
  if (!held || request_id.size() > context_->options.query_id_bytes_max) {
    return RefuseRelease(connection, frame);
  }
  lock->releasing = true;
  Push(connection, std::string(frame.name),
       {.kind = Step::Kind::kRelease,
        .request_id = std::string(request_id),
        .token = token,
        .ready = false});
  const Place place{
      .connection = connection.id(), .name = std::string(frame.name), .number = last_step_};
  answers_.push_back({.by = Now() + kReleasePatience, .place = place});
  connection.AfterOwnChanges([this, place] {
    const Found found = Find(place);
    if (!found) return;
    for (Step& step : found.lock->steps) step.ready = step.ready || step.number == place.number;
    Advance(place);
  });
}

void Locks::RefuseRelease(Connection& connection, const wire::LockReleaseFrame& frame) {
  probe_.locks().Released(ReleaseFate::kNotHeld);
  SendReleased(connection, frame.request_id.value_or(std::string_view()), frame.name, false);
}

void Locks::SendReleased(Connection& connection, std::string_view request_id, std::string_view name,
                         bool success) {
  std::string reply;
  wire::EncodeLockReleased({.request_id = request_id, .name = name, .success = success}, reply);
  connection.session().Reply(std::move(reply));
}

// ---- Steps ----

Locks::Time Locks::Now() const { return std::max(context_->now, last_tick_); }

size_t Locks::CountOf(Connection& connection) const {
  const auto holder = holders_.find(&connection);
  return holder == holders_.end() ? 0 : holder->second.count;
}

Locks::Lock* Locks::FindLock(Connection& connection, std::string_view name) {
  const auto holder = holders_.find(&connection);
  if (holder == holders_.end()) return nullptr;
  const auto lock = holder->second.locks.find(name);
  return lock == holder->second.locks.end() ? nullptr : &lock->second;
}

Locks::Found Locks::Find(const Place& place) {
  Connection* const connection = context_->table.Find(place.connection);
  if (connection == nullptr) return {};
  Lock* const lock = FindLock(*connection, place.name);
  if (lock == nullptr) return {};
  return {.connection = connection, .holder = &holders_.find(connection)->second, .lock = lock};
}

Locks::Found Locks::Ended(const Place& place, Step* step) {
  const Found found = Find(place);
  if (!found || !found.lock->running || found.lock->steps.front().number != place.number) return {};
  found.lock->running = false;
  *step = Pop(*found.holder, *found.lock);
  return found;
}

void Locks::Push(Connection& connection, const std::string& name, Step step) {
  Holder& holder = holders_[&connection];
  step.number = ++last_step_;
  holder.locks[name].steps.push_back(std::move(step));
  ++holder.count;
}

Locks::Step Locks::Pop(Holder& holder, Lock& lock) {
  Step step = std::move(lock.steps.front());
  lock.steps.pop_front();
  --holder.count;
  if (step.kind == Step::Kind::kAcquire) probe_.locks().Waiting(-1);
  return step;
}

void Locks::Advance(const Place& place) {
  const Found found = Find(place);
  if (!found) return;
  Lock& lock = *found.lock;
  while (!lock.running && !lock.steps.empty()) {
    const Step& first = lock.steps.front();
    if (first.kind == Step::Kind::kAcquire && first.wait_until <= Now()) {
      probe_.locks().Requested(LockFate::kExpired);
      Pop(*found.holder, lock);
      continue;
    }
    if (!first.ready) return;
    Start(*found.connection, lock,
          {.connection = place.connection, .name = place.name, .number = first.number});
  }
  if (lock.running || lock.token != 0) return;
  found.holder->locks.erase(place.name);
  if (found.holder->locks.empty()) holders_.erase(found.connection);
}

void Locks::Start(Connection& connection, Lock& lock, const Place& place) {
  lock.running = true;
  if (lock.steps.front().kind == Step::Kind::kAcquire) {
    StartAcquire(connection, lock, place);
  } else {
    StartRelease(connection, lock, place);
  }
}

void Locks::StartAcquire(const Connection& connection, Lock& lock, const Place& place) {
  const Step& step = lock.steps.front();
  lock.call = client_.Acquire(
      {.name = place.name,
       .owner = connection.origin(),
       .ttl = step.ttl,
       .wait = std::chrono::ceil<milliseconds>(step.wait_until - Now()),
       .held_token = lock.token},
      [this, place](const StatusOr<std::optional<uint64_t>>& grant) { OnGrant(place, grant); });
}

void Locks::StartRelease(const Connection& connection, const Lock& lock, const Place& place) {
  client_.Release(
      {.name = place.name, .owner = connection.origin(), .token = lock.steps.front().token},
      LeaseLeft(lock),
      [this, place](const StatusOr<bool>& released) { OnReleased(place, released); });
}

void Locks::OnGrant(const Place& place, const StatusOr<std::optional<uint64_t>>& grant) {
  Step step;
  const Found found = Ended(place, &step);
  if (!found) return;
  if (!grant.ok()) {
    OnFailed(found, place, grant.status());
  } else if (grant->has_value()) {
    OnGranted(found, place, step, **grant);
  } else {
    probe_.locks().Requested(LockFate::kExpired);
  }
  Advance(place);
}

void Locks::OnGranted(const Found& found, const Place& place, const Step& step, uint64_t token) {
  if (Now() > step.wait_until + kMargin / 2) {
    probe_.locks().Requested(LockFate::kLate);
    if (token == found.lock->token) return;  // what it holds is not touched
    return GiveBack({.name = place.name, .owner = found.connection->origin(), .token = token},
                    step.ttl);
  }
  Hold(found, place, token, step.ttl);
  probe_.locks().Requested(LockFate::kGranted);
  probe_.locks().Granted(std::chrono::duration<double>(Now() - step.received).count());
  std::string reply;
  wire::EncodeLockGranted({.request_id = step.request_id,
                           .name = place.name,
                           .fencing_token = static_cast<int64_t>(token)},
                          reply);
  found.connection->session().Reply(std::move(reply));
}

void Locks::OnFailed(const Found& found, const Place& place, const Status& status) {
  if (status.code() == StatusCode::kResourceExhausted) {
    return Refuse(*found.connection, kTooManyLocks, "too many wait for lock " + place.name);
  }
  probe_.locks().Requested(LockFate::kFailed);
  // The next request would take over what this one may have been granted.
  const bool unknown = found.lock->token == 0 && found.lock->steps.empty();
  if (unknown) Push(*found.connection, place.name, {.kind = Step::Kind::kCleanUp});
}

void Locks::OnReleased(const Place& place, const StatusOr<bool>& released) {
  Step step;
  const Found found = Ended(place, &step);
  if (!found) return;
  // What could not be released until now has ended by itself. Meanwhile it may be held anew.
  if (found.lock->token == step.token) LetGo(*found.holder, *found.lock);
  if (step.kind == Step::Kind::kCleanUp) {
    probe_.locks().GivenBack(released.ok());
  } else {
    found.lock->releasing = false;
    const bool success = released.ok() && *released;
    if (!step.answered) {
      probe_.locks().Released(success         ? ReleaseFate::kReleased
                              : released.ok() ? ReleaseFate::kNotHeld
                                              : ReleaseFate::kFailed);
      SendReleased(*found.connection, step.request_id, place.name, success);
    }
  }
  Advance(place);
}

}  // namespace topgun::gateway
