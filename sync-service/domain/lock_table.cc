#include "domain/lock_table.h"

#include <algorithm>

namespace topgun::sync {

namespace {

using std::chrono::milliseconds;

LockAsk AskOf(const LockTable::Request& request, uint64_t held_token) {
  return {.name = request.name,
          .owner = request.owner,
          .ttl_ms = request.ttl_ms,
          .held_token = held_token};
}

}  // namespace

// ---- Waiters ----

uint64_t LockTable::Join(Request request, Done done) {
  if (Full(request.name)) {
    probe_.Requested(LockResult::kRefused);
    done(ResourceExhausted("too many wait for locks here"));
    return 0;
  }
  const uint64_t id = ++last_waiter_;
  auto waiter = std::make_unique<Waiter>();
  waiter->since = scheduler_.Now();
  waiter->deadline =
      waiter->since + milliseconds(std::clamp<int64_t>(request.wait_ms, 0, limits_.wait_ms_max));
  waiter->request = std::move(request);
  waiter->done = std::move(done);
  const bool renews = waiter->request.held_token != 0;
  deadlines_.emplace(waiter->deadline, id);
  waiters_.emplace(id, std::move(waiter));
  probe_.Waiters(1);
  if (renews) {
    Renew(id);
  } else {
    StandInLine(id);
  }
  Arm();
  return id;
}

// Lines whose question is on its way count although their waiters may have left.
bool LockTable::Full(const std::string& name) const {
  if (std::max(waiters_.size(), lines_.size()) >= limits_.waiters_max) return true;
  const auto line = lines_.find(name);
  return line != lines_.end() && line->second->waiting.size() >= limits_.line_max;
}

LockTable::Waiter* LockTable::Find(uint64_t id) {
  const auto found = waiters_.find(id);
  return found == waiters_.end() ? nullptr : found->second.get();
}

void LockTable::Leave(uint64_t waiter) {
  if (Find(waiter) == nullptr) return;
  probe_.Requested(LockResult::kLeft);
  Remove(waiter);
}

void LockTable::Finish(uint64_t id, LockResult result, StatusOr<std::optional<uint64_t>> answer) {
  probe_.Requested(result);
  const Waiter waiter = Remove(id);
  if (result == LockResult::kGranted) {
    probe_.Granted(std::chrono::duration<double>(scheduler_.Now() - waiter.since).count());
  }
  waiter.done(std::move(answer));
}

LockTable::Waiter LockTable::Remove(uint64_t id) {
  const auto found = waiters_.find(id);
  Waiter waiter = std::move(*found->second);
  waiters_.erase(found);
  probe_.Waiters(-1);
  deadlines_.erase({waiter.deadline, id});
  const auto line = lines_.find(waiter.request.name);
  if (line == lines_.end() || line->second->waiting.erase(id) == 0) return waiter;
  if (line->second->waiting.empty() && !line->second->asking) {
    asks_.erase({line->second->ask_at, waiter.request.name});
    lines_.erase(line);
  }
  return waiter;
}

// ---- Locks that are held already ----

void LockTable::Renew(uint64_t id) {
  const uint32_t shard = Find(id)->request.shard;
  store_.AwaitOpen(shard, [this, id, shard] {
    const Waiter* const waiter = Find(id);
    if (waiter == nullptr) return;
    probe_.Asked();
    store_.Acquire(shard, AskOf(waiter->request, waiter->request.held_token),
                   [this, id](const StatusOr<LockAnswer>& answer) { OnRenewed(id, answer); });
  });
}

void LockTable::OnRenewed(uint64_t id, const StatusOr<LockAnswer>& answer) {
  const Waiter* const waiter = Find(id);
  if (waiter == nullptr) return;
  if (!answer.ok()) return Finish(id, LockResult::kFailed, answer.status());
  if (answer->token != 0) return Finish(id, LockResult::kExtended, std::optional(answer->token));
  StandInLine(id);
}

// ---- Lines ----

void LockTable::StandInLine(uint64_t id) {
  const Request& request = Find(id)->request;
  const std::string name = request.name;
  std::unique_ptr<Line>& line = lines_[name];
  if (line == nullptr) line = std::make_unique<Line>();
  line->shard = request.shard;
  line->waiting.insert(id);
  probe_.LineLength(line->waiting.size());
  if (line->waiting.size() == 1 && !line->asking) Ask(name, *line);
}

void LockTable::Ask(const std::string& name, Line& line) {
  asks_.erase({line.ask_at, name});
  line.asking = true;
  line.again = false;
  store_.AwaitOpen(line.shard, [this, name] { AskForFirst(name); });
}

void LockTable::AskForFirst(const std::string& name) {
  const auto found = lines_.find(name);
  Line& line = *found->second;
  if (line.waiting.empty()) {
    lines_.erase(found);
    return;
  }
  line.asked = *line.waiting.begin();
  line.again = false;
  probe_.Asked();
  store_.Acquire(line.shard, AskOf(Find(line.asked)->request, 0),
                 [this, name](const StatusOr<LockAnswer>& answer) { OnAnswer(name, answer); });
}

void LockTable::OnAnswer(const std::string& name, const StatusOr<LockAnswer>& answer) {
  Line& line = *FindLine(name);
  const Time now = scheduler_.Now();
  const uint64_t id = line.asked;
  Time ask_at = now;
  if (!answer.ok()) {
    const bool retry = answer.status().code() == StatusCode::kUnavailable;
    if (retry) ask_at += kRetry;
    if (!retry && Find(id) != nullptr) Finish(id, LockResult::kFailed, answer.status());
  } else if (answer->token != 0) {
    ask_at = OnGrant(line, name, answer->token);
  } else if (!line.again) {
    // A millisecond more, because Redis has rounded.
    const auto left = milliseconds(std::max<int64_t>(answer->left_ms, 0) + 1);
    ask_at += std::min<Time::duration>(left, kPoll);
  }
  const Waiter* const waiter = Find(id);
  if (waiter != nullptr && waiter->expired) Finish(id, LockResult::kExpired, std::nullopt);
  Continue(name, ask_at);
}

LockTable::Time LockTable::OnGrant(Line& line, const std::string& name, uint64_t token) {
  const Time now = scheduler_.Now();
  const Waiter* const waiter = Find(line.asked);
  if (waiter == nullptr) {
    TakeBack(line.shard, name, token);
    return now;
  }
  const milliseconds ttl(waiter->request.ttl_ms);
  Finish(line.asked, LockResult::kGranted, std::optional(token));
  return line.again ? now : now + std::min<Time::duration>(ttl, kPoll);
}

void LockTable::Continue(const std::string& name, Time ask_at) {
  const auto found = lines_.find(name);
  Line& line = *found->second;
  line.asking = false;
  line.asked = 0;
  if (line.waiting.empty()) {
    lines_.erase(found);
    return;
  }
  if (ask_at <= scheduler_.Now()) return Ask(name, line);
  line.ask_at = ask_at;
  asks_.emplace(ask_at, name);
  Arm();
}

void LockTable::Release(uint32_t shard, const LockHold& hold, Callback<bool> callback) {
  Free(shard, hold, [this, callback = std::move(callback)](const StatusOr<bool>& released) {
    probe_.Released(!released.ok() ? ReleaseResult::kFailed
                    : *released    ? ReleaseResult::kReleased
                                   : ReleaseResult::kNotHeld);
    callback(released);
  });
}

void LockTable::TakeBack(uint32_t shard, const std::string& name, uint64_t token) {
  probe_.GrantTakenBack();
  Free(shard, {.name = name, .token = token}, [](const StatusOr<bool>&) {});
}

LockTable::Line* LockTable::FindLine(const std::string& name) {
  const auto found = lines_.find(name);
  return found == lines_.end() ? nullptr : found->second.get();
}

// The question follows the release on the same connection. It overtakes a release whose script
// Redis does not know yet: then it has been answered when the release is.
void LockTable::Free(uint32_t shard, const LockHold& hold, Callback<bool> callback) {
  const std::string name(hold.name);
  store_.Release(shard, hold,
                 [this, name, callback = std::move(callback)](const StatusOr<bool>& released) {
                   Line* const line = FindLine(name);
                   const bool freed = released.ok() && *released;
                   if (freed && line != nullptr && !line->asking) Ask(name, *line);
                   callback(released);
                 });
  Line* const line = FindLine(name);
  if (line == nullptr) return;
  if (line->asking) {
    line->again = true;
  } else {
    Ask(name, *line);
  }
}

// ---- Time ----

void LockTable::Arm() {
  std::optional<Time> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (!asks_.empty() && (!next || asks_.begin()->first < *next)) next = asks_.begin()->first;
  if (!next || (armed_ && *armed_ <= *next)) return;
  armed_ = next;
  const auto delay = std::chrono::ceil<milliseconds>(*next - scheduler_.Now());
  scheduler_.After(std::max<int64_t>(delay.count(), 0), [this, at = *next] {
    // An earlier one took its place otherwise.
    if (armed_ == at) armed_.reset();
    OnTimer();
  });
}

void LockTable::OnTimer() {
  const Time now = scheduler_.Now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Expire(deadlines_.begin()->second);
  }
  while (!asks_.empty() && asks_.begin()->first <= now) {
    const std::string name = asks_.begin()->second;
    Ask(name, *FindLine(name));
  }
  Arm();
}

// Who is being asked for is not sent away: he might be granted the lock.
void LockTable::Expire(uint64_t id) {
  Waiter& waiter = *Find(id);
  const Line* const line = FindLine(waiter.request.name);
  if (line == nullptr || line->asked != id) {
    return Finish(id, LockResult::kExpired, std::nullopt);
  }
  waiter.expired = true;
  deadlines_.erase({waiter.deadline, id});
}

}  // namespace topgun::sync
