// Samples what the threads of this process do with their CPU time.
//
// Every thread gets a timer on its own CPU clock, so a sample stands for the same amount of CPU
// time whatever the number of threads and cores, and a thread that waits costs nothing. The timer's
// signal (SIGPROF) interrupts the thread, which writes its stack into a buffer prepared beforehand.
//
// Signals belong to the process, so at most one sampler exists at a time. Made, used and stopped by
// one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "profiling/profile.h"

namespace topgun::profiling {

struct CpuSamplerOptions {
  int samples_per_second = 100;            // of CPU time
  size_t buffer_bytes = size_t{32} << 20;  // what does not fit is counted, not recorded
};

class CpuSampler {
 public:
  // FailedPrecondition while another one exists.
  static StatusOr<std::unique_ptr<CpuSampler>> Start(CpuSamplerOptions options = {});
  ~CpuSampler();
  CpuSampler(const CpuSampler&) = delete;
  CpuSampler& operator=(const CpuSampler&) = delete;

  // Includes the threads that have begun since; to be called every so often, or they are missed.
  void FollowThreads();
  // The samples, equal stacks of a thread summed up. Once, the last call.
  Profile Stop();
  // Samples that found no room; after Stop().
  uint64_t dropped() const;

 private:
  struct Impl;
  explicit CpuSampler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::profiling
