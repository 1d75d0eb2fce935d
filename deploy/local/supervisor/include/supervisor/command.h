// A command that came through the control socket and takes time. One runs at a time, so it may
// keep pointers to the supervisor's processes.
#pragma once

#include <chrono>

#include "base/status.h"
#include "supervisor/process.h"

namespace topgun::supervisor {

class Command {
 public:
  virtual ~Command() = default;

  // Does what is due; called in every turn of the supervisor. True once the command has ended,
  // with its result.
  virtual bool Advance(TimePoint now, Status* result) = 0;
};

}  // namespace topgun::supervisor
