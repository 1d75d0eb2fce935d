// `where` and `predicate` of a query (features.md 1.4, 1.5): both must hold. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "query/condition.h"

namespace topgun::query {

class Filter {
 public:
  static constexpr size_t kWhereBytesMax = 65'536;
  static constexpr uint32_t kStepsMax = 100'000;  // for one row

  Filter() = default;  // everything passes
  // Raw MessagePack; empty: absent. INVALID_ARGUMENT names the place, e.g.
  // "predicate: children[1].op: missing".
  static StatusOr<Filter> Parse(std::string_view where, std::string_view predicate);

  // A row whose value is nil never passes. `_key` names the key, `_value` a value that is no map
  // (features.md 1.2). False when looking at the record takes too many steps.
  bool Matches(std::string_view key, std::string_view value) const;
  bool empty() const { return !where_ && !predicate_; }  // lets every row pass

 private:
  std::optional<Condition> where_;
  std::optional<Condition> predicate_;
};

}  // namespace topgun::query
