// The name of a group by the values of its columns (features.md 1.9). Pure; any thread.
#pragma once

#include <string>

#include "condition_value.h"

namespace topgun::query {

// Appends the part of one column: N, B0, I<int>;, F<bits>;, S<bytes>:<text>, or X<hash> of what is
// nothing of these. Whole numbers are ints however they are written.
void AppendBucketPart(const ConditionValue& value, std::string& out);

}  // namespace topgun::query
