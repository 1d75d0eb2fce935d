#include "memory/trimmer.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "heap.h"

namespace topgun::memory {
namespace {

constexpr std::chrono::seconds kLookEvery{1};

}  // namespace

Trimmer::Trimmer(metrics::Registry& registry, IdleFloorOptions options)
    : free_(registry.AddGauge("process_heap_free_bytes",
                              "Whole pages that the allocator holds without use.")),
      returned_(registry.AddCounter("process_heap_returned_bytes_total",
                                    "Given back to the system after half a minute without use.")),
      floor_(options),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void Trimmer::Run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, kLookEvery, [&] { return stop.stop_requested(); })) {
    const uint64_t free = FreePageBytes();
    free_.Set(static_cast<double>(free));
    if (const uint64_t idle = floor_.Look(free); idle > 0) {
      returned_.Increment(static_cast<double>(ReturnPages(idle)));
    }
  }
}

}  // namespace topgun::memory
