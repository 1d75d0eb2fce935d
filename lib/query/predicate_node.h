// One node of a predicate tree as it is written; of predicate.cc only. Borrows its bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "query/predicate.h"

namespace topgun::query {

struct PredicateNode {
  std::string_view op;
  std::optional<std::string_view> attribute;
  std::string_view value;  // MessagePack; empty when missing
  std::string_view value_ref;
  std::string_view children;  // likewise
};

// "children[1].op: missing"; `place` is "children[1]." and the like.
Status PredicateFault(const std::string& place, std::string_view field, std::string_view problem);

StatusOr<PredicateNode> ReadPredicateNode(std::string_view node, PredicateKind kind,
                                          const std::string& place);

}  // namespace topgun::query
