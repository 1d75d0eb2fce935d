// The structured form of a condition, `condition`: a predicate as queries have them (features.md
// 1.4), whose attributes and `valueRef` may also name the caller: auth.id, auth.roles.
//
// Known are eq neq gt gte lt lte between in startsWith endsWith containsAll containsAny isNull
// isNotNull and or not. Unlike in conditions written as text, every comparison with a missing
// attribute or value is false, neq too. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "access/condition.h"
#include "base/status.h"

namespace topgun::gateway {

inline constexpr size_t kPredicateBytesMax = 16'384;
inline constexpr size_t kPredicateDepthMax = 32;

// `predicate` is one MessagePack value. INVALID_ARGUMENT names the place, e.g.
// "children[1].attribute: missing".
StatusOr<Condition> ParsePredicate(std::string_view predicate);

}  // namespace topgun::gateway
