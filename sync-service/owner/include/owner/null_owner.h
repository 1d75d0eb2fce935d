// ShardOwner of a cluster without Postgres (`--storage null`): opens shards in Redis and keeps the
// feeds short.
//
// No lease is needed: the open script is conditional on the tail that was compared, so of two
// replicas that open one shard at once the second finds it open. Nothing is ever unloaded, so there
// is nothing to load. One instance per loop, over the loop's Redis client.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "domain/io.h"
#include "redis/client.h"
#include "state/keys.h"

namespace topgun::sync {

struct NullOwnerOptions {
  // Feed entries younger than this are kept for watchers that resume.
  int64_t watch_window_ms = 15'000;
};

class NullOwner final : public ShardOwner {
 public:
  NullOwner(NullOwnerOptions options, const WallClock& wall);

  // Before the shard is opened for the first time. The route outlives the owner.
  void AddShard(uint32_t shard, redis::Route& route, state::ShardKeys keys);

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

  struct Owned {
    redis::Route& route;
    state::ShardKeys keys;
    std::deque<std::pair<int64_t, state::Position>> tails = {};  // sampled, by time
    uint64_t incarnation = 0;  // the highest seen: Redis may forget it within the second
  };

  void Open(Owned& shard, const std::string& run, const Tail& tail, StatusCallback callback);

  const NullOwnerOptions options_;
  const WallClock& wall_;
  std::map<uint32_t, Owned> shards_;
};

}  // namespace topgun::sync
