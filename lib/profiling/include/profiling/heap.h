// What is on the heap, by the stack that allocated it.
//
// The programs link tcmalloc, which remembers about one allocation per MiB allocated with its
// stack until it is freed; each stands for the others. Builds with sanitizers have their allocator
// instead, and there everything here answers FailedPrecondition. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "profiling/profile.h"

namespace topgun::profiling {

// From now on allocations are sampled; those made before stay unknown. A thread begins with it
// within the next 16 MiB that it allocates, a new one at once.
Status StartHeapSampling();

// Objects and bytes that are in use now, of what has been allocated since StartHeapSampling().
StatusOr<Profile> HeapProfile();

// What the allocator says about all of its memory, in bytes.
struct HeapTotals {
  uint64_t allocated = 0;  // by the program
  uint64_t held = 0;       // physical memory of the heap, what is kept for later included
  uint64_t returned = 0;   // address space whose memory the system has got back
};
StatusOr<HeapTotals> ReadHeapTotals();

// tcmalloc's text of live samples; sampled amounts are scaled to what they stand for.
StatusOr<Profile> ParseHeapSample(std::string_view text);

}  // namespace topgun::profiling
