// How conditions name their operands. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "query/condition.h"

namespace topgun::query {

// The operand that `auth.id`, `data.owner.id` and the like refer to in policies; a bare field is
// one of data. INVALID_ARGUMENT when the caller has no such field.
StatusOr<ConditionOperand> ParseReference(std::string_view text);

// Whether the text names the caller or something of it.
bool NamesCaller(std::string_view text);

// "a.b" -> a, b; without dots one segment, also an empty one.
std::vector<std::string> SplitPath(std::string_view path);

}  // namespace topgun::query
