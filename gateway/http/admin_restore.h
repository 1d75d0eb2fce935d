// Writes the value of a write that lost once more, with a timestamp newer than what stands now, so
// that it reaches every client like any other change.
//
// Owned by the loop; one thread. On shutdown restores that wait are forgotten.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "crdt/hybrid_logical_clock.h"
#include "dispatch/detached_writes.h"
#include "dispatch/io.h"
#include "http/admin_io.h"

namespace topgun::gateway {

// Which write, as the list of conflicts tells it: the texts are readable ones.
struct LoserId {
  std::string map;
  std::string key;
  crdt::Timestamp timestamp;
};

class LoserRestore {
 public:
  // The timestamp under which the value stands now. NOT_FOUND: no replica remembers the write.
  // FAILED_PRECONDITION: the key was written by somebody else in the meantime. UNAVAILABLE,
  // RESOURCE_EXHAUSTED: try again; it may have been restored.
  using Done = std::function<void(const StatusOr<crdt::Timestamp>&)>;

  static constexpr size_t kRunningMax = 64;

  // `node_id` names this loop in timestamps: [a-z0-9-].
  LoserRestore(std::string node_id, LoserReader& losers, CellReader& cells, DetachedWrites& writes,
               const WallClock& clock)
      : clock_(std::move(node_id), clock), losers_(losers), cells_(cells), writes_(writes) {}

  // `done` does not run inside the call, unless too many restores are on their way.
  void Restore(LoserId id, Done done);
  size_t running() const { return running_; }

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;

  // The steps, in this order.
  void OnLosers(const JobPtr& job, LostWrites lost);
  void OnStanding(const JobPtr& job, const StatusOr<std::vector<std::string>>& cells);
  void Write(const JobPtr& job);
  void OnWritten(const JobPtr& job, OpOutcome outcome);
  void OnResult(const JobPtr& job, const StatusOr<std::vector<std::string>>& cells);
  void Finish(const JobPtr& job, const StatusOr<crdt::Timestamp>& result);

  crdt::HybridLogicalClock clock_;
  LoserReader& losers_;
  CellReader& cells_;
  DetachedWrites& writes_;
  size_t running_ = 0;
};

}  // namespace topgun::gateway
