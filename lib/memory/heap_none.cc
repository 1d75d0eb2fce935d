// A sanitizer's allocator is left alone.
#include "heap.h"

namespace topgun::memory {

uint64_t FreePageBytes() { return 0; }
uint64_t ReturnPages(uint64_t) { return 0; }

}  // namespace topgun::memory
