// Where every thread of this process is right now, also those that wait.
//
// Each thread is interrupted once. A system call that it waits in returns early with EINTR or is
// restarted, as with any signal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::profiling {

struct ThreadStack {
  int thread = 0;
  std::string name;
  // The innermost first; empty when the thread did not answer in time.
  std::vector<uint64_t> addresses;
};

// Waits for the threads at most for `patience`. FailedPrecondition while the CPU is being sampled.
StatusOr<std::vector<ThreadStack>> ReadThreadStacks(
    std::chrono::milliseconds patience = std::chrono::milliseconds(500));

}  // namespace topgun::profiling
