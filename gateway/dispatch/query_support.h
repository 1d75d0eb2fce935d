// Which parts of a query this gateway does not answer yet. Pure; any thread.
#pragma once

#include <string_view>

#include "wire/client_frame.h"

namespace topgun::gateway {

// The first such part, e.g. "query.where"; empty when the query is unfiltered. Empty maps and
// arrays filter nothing (features.md 1.1); `aggregations` count with `groupBy` only (1.9).
std::string_view UnsupportedQueryPart(const wire::QuerySubFrame& frame);

}  // namespace topgun::gateway
