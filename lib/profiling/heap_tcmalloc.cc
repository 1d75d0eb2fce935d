// The part of heap.h that asks the allocator.
#include <gperftools/malloc_extension.h>

#include <string>

#include "profiling/heap.h"

// tcmalloc's own setting, read from TCMALLOC_SAMPLE_PARAMETER before main. It is looked at again
// whenever a thread chooses the next allocation to sample, so it may be set later; the library
// exports it, but no header of it says so.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
namespace FLAG__namespace_do_not_use_directly_use_DECLARE_int64_instead {
extern int64_t FLAGS_tcmalloc_sample_parameter;
}

namespace topgun::profiling {
namespace {

constexpr int64_t kSamplePeriodBytes = int64_t{1024} * 1024;

uint64_t Property(const char* name) {
  size_t value = 0;
  MallocExtension::instance()->GetNumericProperty(name, &value);
  return value;
}

}  // namespace

Status StartHeapSampling() {
  FLAG__namespace_do_not_use_directly_use_DECLARE_int64_instead::FLAGS_tcmalloc_sample_parameter =
      kSamplePeriodBytes;
  return OkStatus();
}

StatusOr<Profile> HeapProfile() {
  std::string text;
  MallocExtension::instance()->GetHeapSample(&text);
  return ParseHeapSample(text);
}

StatusOr<HeapTotals> ReadHeapTotals() {
  HeapTotals totals;
  totals.allocated = Property("generic.current_allocated_bytes");
  totals.returned = Property("tcmalloc.pageheap_unmapped_bytes");
  totals.held = Property("generic.heap_size") - totals.returned;
  return totals;
}

}  // namespace topgun::profiling
