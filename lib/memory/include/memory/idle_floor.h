// How much free memory nobody has needed for a while. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace topgun::memory {

struct IdleFloorOptions {
  size_t looks = 30;  // the while, in looks
  // For the next burst. Little: what a process keeps it has from its first pause on, and getting a
  // megabyte again costs a fraction of a millisecond.
  uint64_t keep_bytes = 1024 * 1024;
  uint64_t step_bytes = 4 * 1024 * 1024;  // at a look, at most: giving back holds up allocations
};

// Takes a look at the free bytes at a regular interval. What the smallest of the last `looks` had,
// nothing has needed since; that less `keep_bytes` may go.
class IdleFloor {
 public:
  explicit IdleFloor(IdleFloorOptions options = {});

  // The bytes to give back now; nothing before the first `looks` looks.
  uint64_t Look(uint64_t free_bytes);

 private:
  IdleFloorOptions options_;
  std::vector<uint64_t> recent_;  // a ring
  size_t next_ = 0;
};

}  // namespace topgun::memory
