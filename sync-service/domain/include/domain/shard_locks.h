// The locks of a loop's shards, as its LockTable sees them. Used on the loop only; the shards
// outlive it.
#pragma once

#include <functional>

#include "domain/lock_table.h"
#include "domain/shard.h"

namespace topgun::sync {

class ShardLocks final : public LockStore {
 public:
  using ShardAt = std::function<Shard&(uint32_t)>;

  explicit ShardLocks(ShardAt shard_at) : shard_at_(std::move(shard_at)) {}

  void AwaitOpen(uint32_t shard, std::function<void()> task) override;
  void Acquire(uint32_t shard, const LockAsk& ask, Callback<LockAnswer> callback) override;
  void Release(uint32_t shard, const LockHold& hold, Callback<bool> callback) override;

 private:
  const ShardAt shard_at_;
};

}  // namespace topgun::sync
