// What the allocator tells and does.
#pragma once

#include <cstdint>

namespace topgun::memory {

// In whole pages that are backed by memory and hold nothing.
uint64_t FreePageBytes();

// Returns how much it gave back: about `bytes`, less when there is not so much.
uint64_t ReturnPages(uint64_t bytes);

}  // namespace topgun::memory
