// Text as a string of JSON. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace topgun {

// Longer texts are cut, so that one event cannot fill a disk or hide the ones after it.
inline constexpr size_t kJsonTextBytesMax = 4096;

// Appends `text` in quotes. Bytes that are not UTF-8 become U+FFFD: what is written is always valid
// JSON, whatever a peer has sent.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace topgun
