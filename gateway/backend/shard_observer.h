// Hears from the watch streams what concerns the writes of a shard. One thread.
#pragma once

#include <cstdint>

#include "state/position.h"

namespace topgun::gateway {

class ShardObserver {
 public:
  virtual ~ShardObserver() = default;

  // The shard was seen under this incarnation.
  virtual void OnIncarnation(uint32_t shard, uint64_t incarnation) = 0;
  // The shard is persisted up to this position. May repeat and go back.
  virtual void OnPersisted(uint32_t shard, const state::Position& position) = 0;
};

}  // namespace topgun::gateway
