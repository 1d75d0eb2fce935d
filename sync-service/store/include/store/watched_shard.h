// Commits of one shard as transactions: a compare-and-set by WATCH instead of the script.
//
// The script (docs/state-layout.md, "commit") can always be used: it checks, then it writes. But of
// every argument Redis makes a Lua string, hashing each of its bytes, and of that an argument
// again, which is half of what a commit costs it. So while a shard is busy, a connection of its own
// watches what the checks depend on and reads it. The next commit is compared with what was read
// and leaves as MULTI and EXEC, which Redis drops when somebody has touched those keys since then.
// Each transaction is followed by the next look in the same write, so none costs a round trip.
// Whatever does not fit is left to the script: other positions, unloaded maps, a limit.
//
// A connection for each shard, because EXEC ends all watching of its connection. It is made when
// commits follow each other closely, and goes to the primary that the route leads to.
//
// Owned by a RedisShardStore, used on its loop. One commit at a time. Closed or destroyed, it
// answers the one in flight with UNAVAILABLE first.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "domain/io.h"
#include "domain/probe.h"
#include "redis/client.h"
#include "redis/connection.h"
#include "state/keys.h"

namespace topgun::sync {

class WatchedShard {
 public:
  // `connection`: its address is not used. The route and the probe outlive this object.
  WatchedShard(boost::asio::io_context& io, redis::ConnectionOptions connection,
               const redis::Route& route, state::ShardKeys keys, Probe& probe);
  ~WatchedShard();
  WatchedShard(const WatchedShard&) = delete;
  WatchedShard& operator=(const WatchedShard&) = delete;

  // The shard was seen, a moment ago, as a commit needs it. `unpersisted_bytes_max`: 0 when nothing
  // persists the feed.
  bool Fits(const CommitRequest& request, uint64_t unpersisted_bytes_max) const;
  // Only what fits. nullopt: the shard was touched, or the transaction refused; nothing was
  // written. What the request refers to must stay until then.
  void Commit(const CommitRequest& request, Callback<std::optional<CommitReply>> callback);
  // The script has committed. Looks at the shard when that happens often, then calls `then`: a
  // shard with much to do would start its next commit, and need the script again, before a look
  // that nobody waits for is over.
  void AfterScript(std::function<void()> then);

  void Close();

 private:
  using Clock = std::chrono::steady_clock;
  // What the shard is like if EXEC goes through.
  struct Sight {
    std::string run;
    state::Position tail;
    uint64_t bytes = 0;
    uint64_t persisted_bytes = 0;
    state::Position persisted;
    bool unloaded_maps = false;
    Clock::time_point at;
  };

  void Reach();
  redis::Transaction Write(const CommitRequest& request, const Sight& sight) const;
  void Look(std::function<void()> then);
  void OnMeta(const StatusOr<redis::Reply>& reply);
  void OnUnloaded(const StatusOr<redis::Reply>& reply);
  StatusOr<std::optional<CommitReply>> OutcomeOf(const StatusOr<redis::Reply>& exec,
                                                 const Sight& before) const;

  boost::asio::io_context& io_;
  const redis::ConnectionOptions options_;
  const redis::Route& route_;
  const state::ShardKeys keys_;
  Probe& probe_;
  std::string address_;  // of the connection
  std::unique_ptr<redis::Connection> connection_;
  bool watching_ = false;                                       // until EXEC or UNWATCH
  std::optional<Sight> half_;                                   // the first half of a look
  std::optional<Sight> sight_;                                  // a whole one, not used yet
  StatusOr<std::optional<CommitReply>> outcome_{std::nullopt};  // of the transaction in flight
  Clock::time_point last_commit_{};
};

}  // namespace topgun::sync
