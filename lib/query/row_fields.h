// Several top-level fields of a row in one walk, `_key` and `_value` among them (features.md 1.2).
// Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "condition_value.h"

namespace topgun::query {

// Sets found[i] to the field that names[i] names, or to null. The values borrow from the row.
void FindRowFields(std::string_view key, std::string_view value, std::span<const std::string> names,
                   std::span<ConditionValue> found);

}  // namespace topgun::query
