// The text form of a condition, `conditionExpr` (core.md 10, features.md 10.2):
//
//   or         := and ("||" and)*
//   and        := unary ("&&" unary)*
//   unary      := "!" unary | "(" or ")" | comparison
//   comparison := operand operator operand
//   operator   := == != < <= > >= in contains containsAll containsAny startsWith endsWith
//   operand    := reference | 'text' | number | true | false | null
//   reference  := auth | auth.id | auth.roles | data | data.<field> | <field>, fields with dots
//
// A text has no escapes: it ends at the next quote. A bare field is one of data. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"
#include "query/condition.h"

namespace topgun::gateway {

inline constexpr size_t kConditionBytesMax = 4'096;
inline constexpr size_t kConditionDepthMax = 32;  // of parentheses and negations

// INVALID_ARGUMENT names the place, counted in bytes from 1, and what was expected there.
StatusOr<query::Condition> ParseCondition(std::string_view text);

}  // namespace topgun::gateway
