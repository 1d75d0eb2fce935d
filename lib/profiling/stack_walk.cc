#include "stack_walk.h"

#include <ucontext.h>
#include <unwind.h>

namespace topgun::profiling {
namespace {

uint64_t InterruptedAddress(const void* context) {
  const auto* machine = &static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<uint64_t>(machine->gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine->pc;
#else
#error "which register holds the program counter?"
#endif
}

struct Walk {
  uint64_t interrupted;
  uint64_t* addresses;
  size_t depth_max;
  size_t depth = 0;
};

// Frames of the handler come first and are left out.
_Unwind_Reason_Code Visit(_Unwind_Context* frame, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  int before_instruction = 0;
  const uint64_t address = _Unwind_GetIPInfo(frame, &before_instruction);
  if (walk.depth == 0 && (before_instruction == 0 || address != walk.interrupted)) {
    return _URC_NO_REASON;
  }
  if (walk.depth == walk.depth_max || address == 0) return _URC_END_OF_STACK;
  // A return address may already belong to the line, or even the function, after the call.
  walk.addresses[walk.depth++] = before_instruction != 0 ? address : address - 1;
  return _URC_NO_REASON;
}

_Unwind_Reason_Code CountFrame(_Unwind_Context*, void*) { return _URC_NO_REASON; }

}  // namespace

size_t WalkInterruptedStack(const void* context, uint64_t* addresses, size_t depth_max) {
  Walk walk{InterruptedAddress(context), addresses, depth_max};
  _Unwind_Backtrace(&Visit, &walk);
  if (walk.depth > 0 || depth_max == 0) return walk.depth;
  addresses[0] = walk.interrupted;
  return 1;
}

void PrepareStackWalk() { _Unwind_Backtrace(&CountFrame, nullptr); }

}  // namespace topgun::profiling
