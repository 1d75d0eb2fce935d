// What came of --kill-cmd. Plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace topgun::loadgen {

struct KillReport {
  struct Execution {
    double at_s = 0;  // since the start of the run, as the points of the series
    double seconds = 0;
    std::string failure;  // empty: it ended with status 0
  };
  // What happens in a day of seconds is counted, but not told one by one.
  static constexpr size_t kExecutionsMax = 1'000;

  uint64_t runs = 0;         // begun
  uint64_t failed = 0;       // not started, or ended with another status than 0
  uint64_t skipped = 0;      // due while the one before still ran
  uint64_t cut_short = 0;    // killed at the end of the run
  std::string last_failure;  // with the last line that it said
  std::vector<Execution> executions;

  // A fault that never happened proves nothing.
  bool had_no_effect() const { return runs == failed; }
};

}  // namespace topgun::loadgen
