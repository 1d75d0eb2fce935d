// `where` of a query (features.md 1.5): fields that must equal a value, or hold in comparisons of
// the form {"$gt": 5, "$lte": 9}. Pure; any thread.
#pragma once

#include <string_view>

#include "base/status.h"
#include "query/condition.h"

namespace topgun::query {

StatusOr<Condition> ParseWhere(std::string_view where);

}  // namespace topgun::query
