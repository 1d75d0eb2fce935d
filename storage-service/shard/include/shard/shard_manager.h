// The shards of this process: heartbeat, leases, and the way from a request to its shard.
//
// A lease says who works on a shard, so that two processes do not do the same work; it protects
// nothing (the fence of the flush does). While Postgres is away nobody can take a lease, so shards
// are kept until Postgres says that somebody else has them.
//
// Threads: the loop's. Ownership: the application; after Leave() has ended nothing runs any more.
// Limits: ShardLimits; every request fails rather than waits while Redis or Postgres is away.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "shard/claim_plan.h"
#include "shard/feed_reader.h"
#include "shard/shard_owner.h"

namespace topgun::storage {

class ShardManager {
 public:
  ShardManager(ShardContext& context, LeaseStore& leases, FeedSource& feeds,
               std::chrono::milliseconds lease);
  ShardManager(const ShardManager&) = delete;
  ShardManager& operator=(const ShardManager&) = delete;

  void Start();
  // Flushes what is in hand and gives up the leases; takes no new ones until Resume(). What is not
  // flushed by `deadline` is dropped: it still is in the feed, where the next owner finds it.
  // Returns the bytes dropped.
  awaitable<uint64_t> StandDown(std::chrono::steady_clock::time_point deadline);
  // After StandDown() has ended.
  void Resume();
  // StandDown() for good.
  awaitable<uint64_t> Leave(std::chrono::steady_clock::time_point deadline);
  // Redis or Postgres is back.
  void Retry();

  // FAILED_PRECONDITION when another process owns the shard; its address is OwnerAddress(), empty
  // when nobody is known.
  awaitable<StatusOr<uint64_t>> OpenShard(uint32_t shard);
  awaitable<Status> LoadMap(LoadRequest request, std::shared_ptr<PageSink> sink);
  std::string OwnerAddress(uint32_t shard) const;

  size_t owned_shards() const { return shards_.size(); }
  const ShardTable& shards() const { return shards_; }

 private:
  awaitable<void> KeepLeases();
  awaitable<void> Heartbeat();
  awaitable<void> ReleaseEnded();
  void Adopt(const LeaseState& state);
  void Serve(uint32_t shard);
  void SetGauges();
  StatusOr<std::shared_ptr<ShardOwner>> Find(uint32_t shard) const;

  ShardContext& context_;
  LeaseStore& leases_;
  const std::chrono::milliseconds lease_;
  ShardTable shards_;
  FeedReader reader_;
  LeaseState known_;
  bool hungry_ = true;  // fewer shards than our share
  bool leaving_ = false;
  bool keeping_leases_ = false;
  Signal tick_;
  Signal kept_;  // KeepLeases() has ended
  logging::RateLimit warn_limit_{std::chrono::seconds(5)};
};

}  // namespace topgun::storage
