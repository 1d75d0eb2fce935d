// The scans of one loop's views: some run at once, a slice of one of them per turn of the loop, the
// others wait their turn.
//
// A scan begins when its view includes everything that was acknowledged before it was asked for,
// and tells the positions of that moment: whatever changes afterwards is told by Watch again. When
// content of the view is dropped meanwhile the scan starts over. Owned by a ViewRegistry, used on
// its loop; outlives its views, and fails what is left with UNAVAILABLE.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "domain/io.h"
#include "domain/map_view.h"
#include "domain/probe.h"
#include "domain/query_scan.h"

namespace topgun::sync {

struct ScanLimits {
  size_t running_max = 4;
  size_t waiting_max = 1'000;  // for their view or for their turn
  size_t attempts_max = 5;
  SliceLimits slice;
};

class ScanQueue {
 public:
  // False: nobody waits for the answer any more. Asked before each slice.
  using Wanted = std::function<bool()>;

  ScanQueue(ScanLimits limits, Scheduler& scheduler, const WallClock& wall, Probe& probe);
  ~ScanQueue();
  ScanQueue(const ScanQueue&) = delete;
  ScanQueue& operator=(const ScanQueue&) = delete;

  // Calls back once. RESOURCE_EXHAUSTED: too many wait, the map does not fit or has too many
  // groups; UNAVAILABLE: content was dropped during every attempt; CANCELLED: not wanted.
  void Add(MapView& view, LwwContent& content, std::shared_ptr<const Selection> selection,
           Wanted wanted, Callback<Selected> callback);

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;

  void AwaitView(const JobPtr& job);
  void FillUp();
  void Begin(const JobPtr& job);
  void RunSlice();
  void StartOver(const JobPtr& job);
  void StopRunning(Job& job);
  void End(Job& job, StatusOr<Selected> result);

  const ScanLimits limits_;
  Scheduler& scheduler_;
  const WallClock& wall_;
  Probe& probe_;
  size_t open_ = 0;             // asked for and not answered
  std::deque<JobPtr> waiting_;  // for their turn
  std::deque<JobPtr> running_;  // the next slice is the first one's
  bool slice_posted_ = false;
};

}  // namespace topgun::sync
