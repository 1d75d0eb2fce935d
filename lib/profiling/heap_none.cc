// The part of heap.h that asks the allocator, where it is that of a sanitizer.
#include "profiling/heap.h"

namespace topgun::profiling {
namespace {

Status NoSampling() {
  return FailedPrecondition("this build samples no allocations: it has a sanitizer's allocator");
}

}  // namespace

Status StartHeapSampling() { return NoSampling(); }
StatusOr<Profile> HeapProfile() { return NoSampling(); }
StatusOr<HeapTotals> ReadHeapTotals() { return NoSampling(); }

}  // namespace topgun::profiling
