// What a run tells about itself while it is going on.
#pragma once

#include <cstdint>
#include <string>

#include "stats/run_stats.h"

namespace topgun::loadgen {

// What happened between two looks at the workers, which are at most a second apart.
struct Interval {
  std::string phase;         // connect, preload, warm-up, measure, cool-down, drain, verify
  double run_s = 0;          // from the start of the run to the end of the interval
  double phase_s = 0;        // the same, of the phase
  double left_s = -1;        // until the phase ends; negative when that is not known
  double seconds = 0;        // covered
  uint64_t unacked_ops = 0;  // at the end
  uint64_t kill_runs = 0;    // of --kill-cmd, begun
  RunStats stats;
};

// Called on the thread that executes the run, which waits meanwhile; OnConnected() also on another
// one, while nothing else is called.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void OnInterval(const Interval& interval) = 0;
  // A phase begins.
  virtual void OnPhase(const std::string& name) { static_cast<void>(name); }
  // All connections are ready. False abandons the run before anything is written.
  virtual bool OnConnected() { return true; }
};

}  // namespace topgun::loadgen
