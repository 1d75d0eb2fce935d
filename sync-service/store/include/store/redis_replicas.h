// Replicas over Redis: a write and WAIT, on a connection of its own.
//
// WAIT blocks the connection it is sent on, and a loop's connection carries the commits and reads
// of all its shards, so the waiting happens on another one. By itself that one covers nothing: WAIT
// counts the replicas that have the last write of *its own client*. So every round begins with a
// write, the fence. It is sent after the commits it stands for have been answered, to the same
// primary (compared by run); it follows them in the replication stream, and a replica that has the
// fence has the commits. It must be a real write: one without effect, such as PING, moves the
// client's offset in some versions of Redis and not in others.
//
// One round is in flight, for all shards of the loop; what arrives meanwhile forms the next. That
// delays nobody: while a fence is not confirmed, no later one can be.
//
// Owned by a Loop and used on it only. Destroyed or closed, it drops its waiters without an answer.
// Limits: waiters_max, beyond which a call is answered with false; the deadline of each waiter; a
// round lasts a second at most, so that a dead connection is noticed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "domain/io.h"
#include "domain/probe.h"
#include "redis/connection.h"

namespace topgun::sync {

struct ReplicaOptions {
  uint32_t replicas = 1;  // that must confirm
  std::string fence_key;
  size_t waiters_max = 16'384;
};

class RedisReplicas final : public Replicas {
 public:
  RedisReplicas(boost::asio::io_context& io, redis::ConnectionOptions connection,
                ReplicaOptions options, Probe& probe);

  void Start() { connection_.Start(); }
  void Close();

  void Confirm(const std::string& run, uint32_t timeout_ms,
               std::function<void(bool)> callback) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiter {
    std::string run;  // of the commit
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
  Status fence_;  // of the round in flight
};

}  // namespace topgun::sync
