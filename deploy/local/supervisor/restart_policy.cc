#include "supervisor/restart_policy.h"

#include <algorithm>

namespace topgun::supervisor {

std::chrono::milliseconds RestartPolicy::NoteExit() {
  ++failures_;
  constexpr int kDoublingsMax = 16;  // far beyond kDelayMax, far below an overflow
  const int doublings = std::min(failures_ - 1, kDoublingsMax);
  return std::min(kDelayMax, kFirstDelay * (1 << doublings));
}

}  // namespace topgun::supervisor
