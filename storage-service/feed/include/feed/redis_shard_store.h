// ShardStore over Redis: the keys and scripts of docs/state-layout.md.
//
// Threads: the loop's. The client belongs to the application and outlives the store, which adds the
// routes of all shards to it.
#pragma once

#include <string>
#include <vector>

#include "redis/client.h"
#include "shard/io.h"
#include "state/keys.h"

namespace topgun::storage {

class RedisShardStore final : public ShardStore {
 public:
  RedisShardStore(redis::Client& client, std::string_view prefix, uint32_t shard_count);

  std::string run(uint32_t shard) const override { return shards_[shard].route.run(); }
  awaitable<StatusOr<ShardMeta>> ReadMeta(uint32_t shard) override;
  awaitable<StatusOr<bool>> Open(uint32_t shard, OpenRequest request) override;
  awaitable<Status> PublishPersisted(uint32_t shard, uint64_t incarnation, Position position,
                                     uint64_t bytes, Position trim) override;
  awaitable<StatusOr<std::vector<std::string>>> ListMaps(uint32_t shard) override;
  awaitable<StatusOr<ScanPage>> ScanCells(uint32_t shard, std::string map_id,
                                          std::string cursor) override;

  // Records the shard count where there is none; FAILED_PRECONDITION when the cluster has another.
  awaitable<Status> CheckShardCount();

 private:
  using Args = std::vector<std::string_view>;

  struct Shard {
    redis::Route& route;
    state::ShardKeys keys;
  };

  static awaitable<StatusOr<redis::Reply>> Send(redis::Route& route, Args args);
  static awaitable<StatusOr<redis::Reply>> Eval(redis::Route& route, const state::Script& script,
                                                size_t key_count, Args args);

  const uint32_t shard_count_;
  const std::string shard_count_key_;
  const std::string persisted_channel_;
  redis::Route& shard_count_route_;
  std::vector<Shard> shards_;  // by number
};

}  // namespace topgun::storage
