// Puts together what the loops have selected for queries: a slice of one query per turn of the
// loop, in turn. Owned by a ViewRegistry, used on its loop; fails what is left with UNAVAILABLE.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "domain/io.h"
#include "domain/probe.h"
#include "domain/selection.h"

namespace topgun::sync {

struct MergeLimits {
  size_t queries_max = 1'000;
  size_t groups_per_slice = 1'000;
};

class MergeQueue {
 public:
  // False: nobody waits for the answer any more. Asked before each slice.
  using Wanted = std::function<bool()>;

  MergeQueue(MergeLimits limits, Scheduler& scheduler, Probe& probe);
  ~MergeQueue();
  MergeQueue(const MergeQueue&) = delete;
  MergeQueue& operator=(const MergeQueue&) = delete;

  // Calls back once. RESOURCE_EXHAUSTED: too many queries, or too many groups; CANCELLED: not
  // wanted.
  void Add(std::shared_ptr<const Selection> selection, std::vector<Selected> parts, Wanted wanted,
           Callback<Snapshot> callback);

 private:
  struct Job {
    SelectionMerge merge;
    Wanted wanted;
    Callback<Snapshot> callback;
  };

  void Schedule();
  void RunSlice();
  void End(const Job& job, StatusOr<Snapshot> result);

  const MergeLimits limits_;
  Scheduler& scheduler_;
  Probe& probe_;
  std::deque<std::unique_ptr<Job>> jobs_;  // the next slice is the first one's
  bool slice_posted_ = false;
};

}  // namespace topgun::sync
