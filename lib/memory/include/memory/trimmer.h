// Gives memory back to the system that the allocator holds and nobody has needed for half a minute.
//
//   const memory::Trimmer trimmer(registry);   // in main
//
// tcmalloc keeps what was freed nearly for ever, so without this the memory of a process is that of
// the busiest moment of its life: after every pause of the machine, when work has queued up, it
// stays some megabytes higher. A thread of its own looks once a second.
//
// Adds process_heap_free_bytes and process_heap_returned_bytes_total. With the allocator of a
// sanitizer it does nothing.
#pragma once

#include <thread>

#include "memory/idle_floor.h"
#include "metrics/registry.h"

namespace topgun::memory {

class Trimmer {
 public:
  // `registry` outlives it.
  explicit Trimmer(metrics::Registry& registry, IdleFloorOptions options = {});

 private:
  void Run(const std::stop_token& stop);

  prometheus::Gauge& free_;
  prometheus::Counter& returned_;
  IdleFloor floor_;
  std::jthread thread_;  // last: it ends first
};

}  // namespace topgun::memory
