// The stack of a thread that a signal has interrupted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace topgun::profiling {

// Writes the addresses of the interrupted code, the innermost first, and of its callers; returns
// how many. Async-signal-safe after PrepareStackWalk(): libgcc's unwinder finds its tables with
// _dl_find_object, which takes no lock, and so sees through libraries without frame pointers.
// `context` is the handler's third argument.
size_t WalkInterruptedStack(const void* context, uint64_t* addresses, size_t depth_max);

// Lets the unwinder do what it does only once.
void PrepareStackWalk();

}  // namespace topgun::profiling
