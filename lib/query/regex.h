// Expressions of the operator `regex`, compiled within limits (features.md 1.4). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"

namespace re2 {
class RE2;
}

namespace topgun::query {

inline constexpr size_t kRegexBytesMax = 1'024;
// Of the compiled form and of what is remembered while searching, together.
inline constexpr int64_t kRegexMemoryBytes = int64_t{256} << 10;

// Case-sensitive, found anywhere; never slower than linear in the text. INVALID_ARGUMENT says what
// is wrong, RESOURCE_EXHAUSTED that it is too long.
StatusOr<std::shared_ptr<const re2::RE2>> CompileRegex(std::string_view expression);

bool Searches(const re2::RE2& regex, std::string_view text);

}  // namespace topgun::query
