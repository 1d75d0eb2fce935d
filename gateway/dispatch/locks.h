// The locks of one loop's connections (features.md 3; docs/locks.md).
//
// Who holds a lock is decided behind LockClient; this knows which connection waits for what and
// holds what. The work of one connection on one name is done step by step, so that a request that
// follows a release cannot overtake it. A release waits for the connection's earlier writes: they
// were made under the lock.
//
// A request is answered with a grant or not at all: its client takes any answer for a grant. It
// waits a little less than its client does. What is granted to a client that has left or stopped
// waiting is given back.
//
// Limits: locks that a connection holds, waits for and releases; how long each may take. Owned by
// the loop; one thread. Connections call Forget() before they go. Tick() is called every
// ConnectionTable::kTick.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "access/access.h"
#include "dispatch/io.h"
#include "dispatch/lock_io.h"
#include "dispatch/loop_context.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

class Connection;

struct LockOptions {
  size_t per_connection_max = 1'000;
};

class Locks {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::milliseconds;

  static constexpr Milliseconds kTtlMin{1'000};
  static constexpr Milliseconds kTtlMax{300'000};
  static constexpr Milliseconds kTtlDefault{10'000};
  // A client waits for so long beyond its ttl; a grant is to reach it before.
  static constexpr Milliseconds kClientPatience{5'000};
  static constexpr Milliseconds kMargin{500};
  // A client waits 5 s for LOCK_RELEASED.
  static constexpr Milliseconds kReleasePatience{4'500};
  // For a lock that may have been granted by a call that failed.
  static constexpr Milliseconds kCleanUpPatience{5'000};

  Locks(const LockOptions& options, LockClient& client, Probe& probe)
      : options_(options), client_(client), probe_(probe) {}
  void Bind(LoopContext& context) { context_ = &context; }

  void OnRequest(Connection& connection, const wire::LockRequestFrame& frame);
  void OnRelease(Connection& connection, const wire::LockReleaseFrame& frame);
  // Answers a release that is not looked at.
  void RefuseRelease(Connection& connection, const wire::LockReleaseFrame& frame);
  void Forget(Connection& connection);
  void Tick(Time now);

  // That the connection holds, waits for or releases.
  size_t CountOf(Connection& connection) const;

 private:
  // One thing to do about a name of a connection.
  struct Step {
    enum class Kind : uint8_t { kAcquire, kRelease, kCleanUp };
    Kind kind = Kind::kAcquire;
    uint64_t number = 0;
    std::string request_id = {};
    Milliseconds ttl{};     // kAcquire
    Time received{};        // kAcquire
    Time wait_until{};      // kAcquire
    uint64_t token = 0;     // kRelease
    bool ready = true;      // kRelease: the writes before it are done
    bool answered = false;  // kRelease: it took too long
  };
  using Leases = std::multimap<Time, std::pair<ConnectionId, std::string>>;
  // A name of a connection.
  struct Lock {
    std::deque<Step> steps;  // the first one is under way, when `running`
    bool running = false;
    bool releasing = false;  // one of the steps releases what is held
    LockClient::CallId call = 0;
    uint64_t token = 0;      // that it is held under; 0: it is not
    Leases::iterator lease;  // when it is held
  };
  struct Holder {
    std::map<std::string, Lock, std::less<>> locks;
    size_t count = 0;
  };
  // What a callback is about.
  struct Place {
    ConnectionId connection;
    std::string name;
    uint64_t number = 0;  // of the step
  };
  struct Found {
    Connection* connection = nullptr;
    Holder* holder = nullptr;
    Lock* lock = nullptr;
    explicit operator bool() const { return lock != nullptr; }
  };
  struct AnswerBy {
    Time by;
    Place place;
  };

  Time Now() const;
  Decision MayLock(const Connection& connection, std::string_view name) const;
  void Refuse(Connection& connection, int64_t code, std::string_view text);
  static void SendReleased(Connection& connection, std::string_view request_id,
                           std::string_view name, bool success);

  Found Find(const Place& place);
  Lock* FindLock(Connection& connection, std::string_view name);
  // Found only if the step is the one under way; it is not any more then.
  Found Ended(const Place& place, Step* step);
  void Push(Connection& connection, const std::string& name, Step step);
  Step Pop(Holder& holder, Lock& lock);
  void Advance(const Place& place);
  void Start(Connection& connection, Lock& lock, const Place& place);
  void StartAcquire(const Connection& connection, Lock& lock, const Place& place);
  void StartRelease(const Connection& connection, const Lock& lock, const Place& place);
  void OnGrant(const Place& place, const StatusOr<std::optional<uint64_t>>& grant);
  void OnGranted(const Found& found, const Place& place, const Step& step, uint64_t token);
  void OnFailed(const Found& found, const Place& place, const Status& status);
  void OnReleased(const Place& place, const StatusOr<bool>& released);
  void Hold(const Found& found, const Place& place, uint64_t token, Milliseconds ttl);
  void LetGo(Holder& holder, Lock& lock);
  Milliseconds LeaseLeft(const Lock& lock) const;
  // Nobody waits for the result.
  void GiveBack(LockHold hold, Milliseconds patience);

  const LockOptions options_;
  LockClient& client_;
  Probe& probe_;
  LoopContext* context_ = nullptr;
  std::unordered_map<Connection*, Holder> holders_;
  Leases leases_;
  std::deque<AnswerBy> answers_;  // releases under way, the oldest first
  uint64_t last_step_ = 0;
  Time last_tick_;
};

}  // namespace topgun::gateway
