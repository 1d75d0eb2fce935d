// The part of a log line this library writes itself: one JSON member per field. Values; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "logging/logging.h"

namespace topgun::logging {

// "component":"...","msg":"...","field":value
std::string JsonMembers(std::string_view component, std::string_view message, Fields fields);

}  // namespace topgun::logging
