// ShardOwner of a cluster without Postgres (`--storage null`): opens shards in Redis and keeps the
// feeds short.
//
// No lease is needed: the open script is conditional on the tail that was compared, so of two
// replicas that open one shard at once the second finds it open. Nothing is ever unloaded, so there
// is nothing to load. One instance per loop, over the loop's connection.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "domain/io.h"
#include "redis/connection.h"
#include "state/keys.h"

namespace topgun::sync {

struct NullOwnerOptions {
  std::string prefix;
  uint32_t shard_count = 1;
  int64_t watch_window_ms =
      15'000;  // feed entries younger than this are kept for watchers that resume
};

class NullOwner final : public ShardOwner {
 public:
  NullOwner(redis::Connection& connection, NullOwnerOptions options, const WallClock& wall);

  void OpenShard(uint32_t shard, std::string_view run, StatusCallback callback) override;
  void LoadMap(uint32_t shard, std::string_view map_id, const state::Position& floor, Chunk chunk,
               StatusCallback done) override;

  // Called every second with the tail of an open shard; trims what has left the watch window.
  void Trim(uint32_t shard, const state::Position& tail);

 private:
  struct Tail {
    std::string incarnation = "0";
    std::string n = "0";
  };

  void Open(uint32_t shard, const std::string& run, const Tail& tail, StatusCallback callback);
  state::ShardKeys KeysOf(uint32_t shard) const;

  redis::Connection& connection_;
  const NullOwnerOptions options_;
  const WallClock& wall_;
  std::map<uint32_t, std::deque<std::pair<int64_t, state::Position>>> tails_;  // sampled, by time
};

}  // namespace topgun::sync
