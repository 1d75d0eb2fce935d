// `groupBy` and `aggregations` of a query (features.md 1.9).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"

namespace topgun::query {

// What is asked for. Immutable; any thread.
class Grouping {
 public:
  static constexpr size_t kColumnsMax = 16;
  static constexpr size_t kAggregatesMax = 64;

  // Nothing when `group_by` is absent or empty.
  static StatusOr<std::optional<Grouping>> Parse(std::string_view group_by,
                                                 std::string_view aggregations);

 private:
  friend class GroupTable;
  // per aggregate: function and field; `count` and aggregates without a field are left out
};

// The groups of some rows. Tables of parts of a map add up to that of the whole. Refers to its
// Grouping, which outlives it; not thread-safe.
class GroupTable {
 public:
  static constexpr size_t kGroupsMax = 100'000;

  explicit GroupTable(const Grouping& grouping);

  // False when there would be too many groups; the row is then left out.
  bool Add(std::string_view key, std::string_view value);
  bool Merge(GroupTable&& other);
  size_t size() const;
  // Every group as a row: its bucket id as key and the MessagePack map of its columns, __key,
  // __count and __<func>_<field>. In no particular order.
  void ForEachRow(const std::function<void(std::string_view key, std::string_view value)>& visit) const;
};

}  // namespace topgun::query
