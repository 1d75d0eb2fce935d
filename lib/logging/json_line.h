// The part of a log line this library writes itself: strings escaped for JSON, one member per
// field. Values; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "logging/logging.h"

namespace topgun::logging {

// Longer texts are cut, so that one event cannot fill a disk or hide the ones after it.
inline constexpr size_t kTextBytesMax = 4096;

// Appends `text` in quotes. Bytes that are not UTF-8 become U+FFFD: a log line is always valid
// JSON, whatever a peer has sent.
void AppendJsonString(std::string& out, std::string_view text);

// "component":"...","msg":"...","field":value
std::string JsonMembers(std::string_view component, std::string_view message, Fields fields);

}  // namespace topgun::logging
