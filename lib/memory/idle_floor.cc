#include "memory/idle_floor.h"

#include <algorithm>

namespace topgun::memory {

IdleFloor::IdleFloor(IdleFloorOptions options) : options_(options) {
  recent_.reserve(options_.looks);
}

uint64_t IdleFloor::Look(uint64_t free_bytes) {
  if (recent_.size() < options_.looks) {
    recent_.push_back(free_bytes);
  } else {
    recent_[next_] = free_bytes;
    next_ = (next_ + 1) % options_.looks;
  }
  if (recent_.size() < options_.looks) return 0;
  const uint64_t floor = *std::min_element(recent_.begin(), recent_.end());
  if (floor <= options_.keep_bytes) return 0;
  return std::min(floor - options_.keep_bytes, options_.step_bytes);
}

}  // namespace topgun::memory
