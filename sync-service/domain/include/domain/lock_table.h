// The lines of those who wait for locks (docs/locks.md).
//
// Redis decides who holds a lock; this is only the order in which it is asked. A line is a name
// with its waiters, first in first out. The first one asks: when it has come to the front, when a
// release comes through here, when the lease that is known of is over, and every kPoll, because
// another replica may have released the lock, or have a line of its own. A line has one question
// on its way.
//
// A grant whose waiter has gone meanwhile is taken back. Who renews a lock that he holds does not
// stand in line.
//
// Owned by a Loop and used on it only; the store and the scheduler outlive it. Limits: waiters of
// one line and of all, then RESOURCE_EXHAUSTED; how long one may wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "domain/io.h"
#include "domain/lock_probe.h"

namespace topgun::sync {

struct LockLimits {
  size_t line_max = 1'000;
  size_t waiters_max = 10'000;
  int64_t wait_ms_max = 305'000;
};

struct LockAnswer {
  uint64_t token = 0;   // 0: not granted
  int64_t left_ms = 0;  // then: for how long somebody else holds it at most
};

// What the lines need of the shards of their loop. Callbacks never come inside the call.
class LockStore {
 public:
  virtual ~LockStore() = default;

  // Runs the task once the shard is open: at once, or when it has been opened.
  virtual void AwaitOpen(uint32_t shard, std::function<void()> task) = 0;
  // UNAVAILABLE: ask again. What the request refers to need not stay.
  virtual void Acquire(uint32_t shard, const LockAsk& ask, Callback<LockAnswer> callback) = 0;
  virtual void Release(uint32_t shard, const LockHold& hold, Callback<bool> callback) = 0;
};

class LockTable {
 public:
  static constexpr std::chrono::milliseconds kPoll{500};
  // After Redis could not answer.
  static constexpr std::chrono::milliseconds kRetry{50};

  struct Request {
    uint32_t shard = 0;
    std::string name;
    std::string owner;
    int64_t ttl_ms = 0;
    int64_t wait_ms = 0;
    uint64_t held_token = 0;  // as LockAsk
  };
  // The token; nothing: its turn did not come in time.
  using Done = Callback<std::optional<uint64_t>>;

  LockTable(LockLimits limits, LockStore& store, Scheduler& scheduler, LockProbe& probe)
      : limits_(limits), store_(store), scheduler_(scheduler), probe_(probe) {}
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;

  // Returns the waiter's number. `done` is called exactly once, unless the waiter leaves before;
  // inside the call when the request is refused.
  uint64_t Join(Request request, Done done);
  // Whoever is not here any more may leave, too.
  void Leave(uint64_t waiter);
  void Release(uint32_t shard, const LockHold& hold, Callback<bool> callback);
  // Nobody has heard of this grant.
  void TakeBack(uint32_t shard, const std::string& name, uint64_t token);

  size_t waiters() const { return waiters_.size(); }
  size_t lines() const { return lines_.size(); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Waiter {
    Request request;
    Done done;
    Time since;
    Time deadline;
    bool expired = false;  // while it asked
  };
  struct Line {
    uint32_t shard = 0;
    std::set<uint64_t> waiting;  // by number, so by age
    bool asking = false;         // or waiting for its shard to open
    uint64_t asked = 0;          // for whom
    bool again = false;          // released since the question left
    Time ask_at;                 // when not asking
  };

  Waiter* Find(uint64_t id);
  bool Full(const std::string& name) const;
  void Renew(uint64_t id);
  void OnRenewed(uint64_t id, const StatusOr<LockAnswer>& answer);
  void StandInLine(uint64_t id);
  void Ask(const std::string& name, Line& line);
  void AskForFirst(const std::string& name);
  void OnAnswer(const std::string& name, const StatusOr<LockAnswer>& answer);
  Time OnGrant(Line& line, const std::string& name, uint64_t token);
  // Releases a lock and asks for whoever is first in line.
  void Free(uint32_t shard, const LockHold& hold, Callback<bool> callback);
  Line* FindLine(const std::string& name);
  // The next question of a line whose last one is answered.
  void Continue(const std::string& name, Time ask_at);

  void Finish(uint64_t id, LockResult result, StatusOr<std::optional<uint64_t>> answer);
  Waiter Remove(uint64_t id);
  void Arm();
  void OnTimer();
  void Expire(uint64_t id);

  const LockLimits limits_;
  LockStore& store_;
  Scheduler& scheduler_;
  LockProbe& probe_;
  uint64_t last_waiter_ = 0;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Waiter>> waiters_;
  absl::flat_hash_map<std::string, std::unique_ptr<Line>> lines_;
  std::set<std::pair<Time, uint64_t>> deadlines_;
  std::set<std::pair<Time, std::string>> asks_;  // lines that are not asking
  std::optional<Time> armed_;
};

}  // namespace topgun::sync
