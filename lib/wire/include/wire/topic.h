// Names of topics (features.md 2). Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace topgun::wire {

inline constexpr size_t kTopicNameBytesMax = 256;

// At least one byte, only ASCII letters, digits and `_-.:/`.
bool IsTopicName(std::string_view name);

}  // namespace topgun::wire
