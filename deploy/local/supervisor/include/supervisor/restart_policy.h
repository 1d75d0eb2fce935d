// When a process that ended is started again: at once if it had been ready, with growing pauses
// while it keeps ending before it is. Value; owner's thread.
#pragma once

#include <chrono>

namespace topgun::supervisor {

class RestartPolicy {
 public:
  static constexpr std::chrono::milliseconds kFirstDelay{50};
  static constexpr std::chrono::milliseconds kDelayMax{2000};

  void NoteReady() { failures_ = 0; }

  // The pause before the next start.
  std::chrono::milliseconds NoteExit();

  // Ends in a row without having been ready in between.
  int failures() const { return failures_; }

 private:
  int failures_ = 0;
};

}  // namespace topgun::supervisor
