// `groupBy` and `aggregations` of a query (features.md 1.9).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

  enum class Function : uint8_t { kSum, kMin, kMax, kAvg };
  struct Aggregate {
    Function function;
    size_t field;      // which of the aggregated ones
    std::string name;  // of its column: "__sum_price"
  };

  static std::optional<Function> FunctionOf(std::string_view word);
  Status ReadAggregations(std::string_view aggregations);
  Status Add(Function function, std::string_view word, std::string_view field);

  // `count` and aggregates without a field are left out.
  std::vector<Aggregate> aggregates_;
  std::vector<std::string> names_;  // the columns, then the fields that are aggregated
  size_t columns_ = 0;
};

// The groups of some rows. Tables of parts of a map add up to that of the whole. Refers to its
// Grouping, which outlives it; not thread-safe.
class GroupTable {
 public:
  static constexpr size_t kGroupsMax = 100'000;

  explicit GroupTable(const Grouping& grouping) : grouping_(grouping) {}

  // False when there would be too many groups; the row is then left out.
  bool Add(std::string_view key, std::string_view value);
  // Likewise: some groups of the other are left out.
  bool Merge(GroupTable&& other);
  // Moves so many groups, or all, into a table of their own: for callers that must not take long at
  // a time.
  GroupTable Split(size_t groups_max);
  size_t size() const { return groups_.size(); }
  // Every group as a row: its bucket id as key and the MessagePack map of its columns, __key,
  // __count and __<func>_<field>. In no particular order.
  void ForEachRow(
      const std::function<void(std::string_view key, std::string_view value)>& visit) const;

 private:
  // The numbers of one field.
  struct Numbers {
    uint64_t count = 0;
    double sum = 0;
    double least = 0;
    double greatest = 0;
    std::string min;  // as it was written; empty: none yet
    std::string max;

    void Take(double number, std::string_view raw);
    void Take(Numbers&& other);
  };
  struct Group {
    uint64_t count = 0;
    std::string columns;  // MessagePack values, one after the other
    std::vector<Numbers> fields;
  };

  Group* FindOrAdd(std::string_view bucket);
  void AppendRow(std::string_view bucket, const Group& group, std::string& out) const;

  const Grouping& grouping_;
  absl::flat_hash_map<std::string, Group> groups_;  // by bucket id
};

}  // namespace topgun::query
