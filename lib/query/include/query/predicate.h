// The structured form of a condition: a tree of nodes with an `op` (features.md 1.4), as queries
// have it and, as `condition`, policies (features.md 10.2).
//
// Known are eq neq gt gte lt lte between in like regex startsWith endsWith containsAll containsAny
// isNull isNotNull and or not. Unlike in conditions written as text, every comparison with a
// missing attribute or value is false, neq too. An expression of `regex` must be a literal: one
// from a record would have to be compiled for each. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "query/condition.h"

namespace topgun::query {

enum class PredicateKind : uint8_t {
  // Attributes and `valueRef` may name the caller: auth.id, auth.roles; data.x is the field x.
  // Whatever is not known is refused, so that a mistyped condition does not mean something else.
  kOfPolicy,
  // Attributes are fields of rows, be they called auth or data, or `_key` or `_value`. There is no
  // caller. Fields that are not known are ignored, operators that are not (match, ...) hold for
  // nothing. `contains`, containsAll and containsAny also find parts of texts, whatever their case.
  kOfQuery,
};

struct PredicateLimits {
  size_t bytes;
  size_t depth;
};

inline constexpr size_t kRegexesMax = 16;  // of one predicate

constexpr PredicateLimits LimitsOf(PredicateKind kind) {
  return kind == PredicateKind::kOfPolicy ? PredicateLimits{.bytes = 16'384, .depth = 32}
                                          : PredicateLimits{.bytes = 65'536, .depth = 100};
}

// `predicate` is one MessagePack value. INVALID_ARGUMENT names the place, e.g.
// "children[1].attribute: missing".
StatusOr<Condition> ParsePredicate(std::string_view predicate, PredicateKind kind);

}  // namespace topgun::query
