// What the gRPC service needs of the loops: a way onto each one and to its shards. Implemented by
// app/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>

#include "domain/lock_table.h"
#include "domain/shard.h"
#include "domain/view_registry.h"
#include "domain/watcher.h"
#include "service/answer_group.h"

namespace topgun::sync {

class LoopSet {
 public:
  virtual ~LoopSet() = default;

  virtual size_t loop_count() const = 0;
  virtual uint32_t shard_count() const = 0;
  size_t LoopOf(uint32_t shard) const { return shard % loop_count(); }

  // Runs the task on a loop, in order. False when the loop has stopped: the task is dropped.
  virtual bool Post(size_t loop, std::function<void()> task) = 0;
  // Only on LoopOf(shard).
  virtual Shard& ShardAt(uint32_t shard) = 0;
  // Only on that loop.
  virtual ViewRegistry& ViewsOf(size_t loop) = 0;
  // Only on that loop.
  virtual LockTable& LocksOf(size_t loop) = 0;
  // Results that wait for those of the same message. Only on that loop.
  virtual HeldAnswers& AnswersOf(size_t loop) = 0;
  // Those that the loop asks for progress every second. Only on that loop.
  virtual std::set<Watcher*>& WatchersOf(size_t loop) = 0;
};

}  // namespace topgun::sync
