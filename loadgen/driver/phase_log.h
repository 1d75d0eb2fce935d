// The phases of a run that lives on one thread, and what was counted in each: collects it and tells
// an observer, as Run does for the workers of its threads. Belongs to the run's thread.
#pragma once

#include <cstdint>
#include <string>

#include "stats/interval.h"
#include "stats/run_stats.h"

namespace topgun::loadgen {

class PhaseLog {
 public:
  // `counted`: where the run counts; it is emptied by every Collect(). `observer` may be null. Both
  // must outlive the log.
  PhaseLog(RunStats& counted, RunObserver* observer);

  // A phase with these names begins, see RunObserver. `length_ns`: 0 when that is not known.
  void Begin(const std::string& phase, int64_t length_ns = 0);
  // Takes what was counted and tells it.
  void Collect();
  // The same, when the last time is a second ago.
  void CollectDue();
  // Of the phase, as of the last Collect().
  const RunStats& stats() const { return stats_; }

 private:
  RunStats& counted_;
  RunObserver* const observer_;
  std::string phase_;
  RunStats stats_;
  int64_t run_start_ns_ = 0;
  int64_t phase_start_ns_ = 0;
  int64_t length_ns_ = 0;
  int64_t collected_ns_ = 0;
};

}  // namespace topgun::loadgen
