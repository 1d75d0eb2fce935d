// The replicas of one Redis primary: a write and WAIT, on a connection of its own.
//
// WAIT blocks the connection it is sent on, and a loop's connection carries the commits and reads
// of all its shards, so the waiting happens on another one. By itself that one covers nothing: WAIT
// counts the replicas that have the last write of *its own client*. So every round begins with a
// write, the fence. It is sent after the commits it stands for have been answered, to the same
// primary (compared by run); it follows them in the replication stream, and a replica that has the
// fence has the commits. It must be a real write: one without effect, such as PING, moves the
// client's offset in some versions of Redis and not in others.
//
// One round is in flight, for all shards of the loop that this primary has; what arrives meanwhile
// forms the next. That delays nobody: while a fence is not confirmed, no later one can be. The
// fence of a round is the key of one of its shards, so that the primary of a Redis Cluster takes
// it; if the slot of that one has just gone elsewhere, the round confirms nothing.
//
// Owned by a ShardReplicas and used on its loop only. Destroyed or closed, it drops its waiters
// without an answer. Limits: waiters_max, beyond which a call is answered with false; the deadline
// of each waiter; a round lasts a second at most, so that a dead connection is noticed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "domain/probe.h"
#include "redis/connection.h"

namespace topgun::sync {

struct ReplicaOptions {
  uint32_t replicas = 1;  // that must confirm
  size_t waiters_max = 16'384;
};

class RedisReplicas {
 public:
  RedisReplicas(boost::asio::io_context& io, redis::ConnectionOptions connection,
                ReplicaOptions options, Probe& probe);
  ~RedisReplicas() { Close(); }  // a round in flight fails while there still is who waits for it
  RedisReplicas(const RedisReplicas&) = delete;
  RedisReplicas& operator=(const RedisReplicas&) = delete;

  void Start() { connection_.Start(); }
  void Close();

  // As Replicas::Confirm(); `fence_key` is in the slot of the shard that asks.
  void Confirm(const std::string& run, const std::string& fence_key, uint32_t timeout_ms,
               std::function<void(bool)> callback);

  // Nobody waits, and the primary is not reached.
  bool idle() const { return waiters_.empty() && !connection_.connected(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiter {
    std::string run;  // of the commit
    std::string fence_key;
    Clock::time_point since;
    bool in_round = false;  // the fence in flight is behind its commit
    std::function<void(bool)> callback;
  };
  using Waiters = std::multimap<Clock::time_point, Waiter>;  // by deadline

  void StartRound();
  void OnRound(const StatusOr<redis::Reply>& reply);
  void LeaveRound();
  void ArmTimer();
  void Expire();
  template <typename Condition>
  void Answer(Condition condition, ReplicaWait result);

  boost::asio::io_context& io_;
  const ReplicaOptions options_;
  Probe& probe_;
  boost::asio::steady_timer timer_;
  redis::Connection connection_;
  Waiters waiters_;
  bool round_running_ = false;
  Status fence_;                       // of the round in flight
  const std::shared_ptr<void> alive_;  // a timer that has fired already may find this gone
};

}  // namespace topgun::sync
