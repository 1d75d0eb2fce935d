// The stacks of all threads as text.
#pragma once

#include <string>

#include "base/status.h"

namespace topgun::debug {

// Interrupts every thread once; takes a second or so, for the names.
StatusOr<std::string> StackReport();

}  // namespace topgun::debug
