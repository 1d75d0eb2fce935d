// Where a query of POST /sync goes on (core.md 9.1): the last key of a page, bound to the query and
// valid for ten minutes.
//
// Holds everything itself, so that any gateway can answer the next page. It gives no right that the
// query has not: access is checked again for every page, so it need not be secret; the digest only
// tells a cursor of this query from anything else. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace topgun::gateway {

inline constexpr int64_t kCursorValidMs = int64_t{10} * 60 * 1000;

// What a cursor belongs to.
struct CursorScope {
  std::string_view map;
  std::string_view filter;  // encoded
};

std::string EncodeCursor(const CursorScope& scope, std::string_view last_key, int64_t now_ms);

// The last key; INVALID_ARGUMENT for a cursor that is damaged, expired or another query's.
StatusOr<std::string> DecodeCursor(const CursorScope& scope, std::string_view cursor,
                                   int64_t now_ms);

}  // namespace topgun::gateway
