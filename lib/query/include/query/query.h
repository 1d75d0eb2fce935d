// A query over one map: which rows, in which order, from where on, and what of them (features.md
// 1).
//
// The sync service runs it over a map's view for the snapshot, the gateway over single changes for
// what follows; both from the same text, so they agree. Immutable after Parse(); any thread.
//
// Every look at a record costs steps, because records and operands of strangers may be large: once
// a caller's steps are used up, results mean nothing (see ConditionContext).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "query/filter.h"
#include "query/grouping.h"
#include "query/projection.h"
#include "query/sort_order.h"

namespace topgun::query {

// The parts of a QUERY_SUB as raw MessagePack; empty where absent. Borrowed during Parse().
struct QueryText {
  std::string_view where = {};
  std::string_view predicate = {};
  std::string_view sort = {};
  std::string_view group_by = {};
  std::string_view aggregations = {};
  std::string_view fields = {};
};

class Query {
 public:
  static constexpr uint32_t kRowsMax = 10'000;  // of one answer, whatever the limit

  // INVALID_ARGUMENT names the part that cannot be understood. What clients evaluate but we do not
  // (match and the like) is no error: it matches nothing.
  static StatusOr<Query> Parse(const QueryText& text);

  // Whether `where` and `predicate` hold. A nil value is no row.
  bool Matches(std::string_view key, std::string_view value) const {
    return filter_.Matches(key, value);
  }
  const SortOrder& order() const { return order_; }
  // Nothing when the query does not group.
  const std::optional<Grouping>& grouping() const { return grouping_; }
  const Projection& projection() const { return projection_; }

  // Of filter, order and grouping: a cursor belongs to one of these.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  Filter filter_;
  SortOrder order_;
  std::optional<Grouping> grouping_;
  Projection projection_;
  uint64_t fingerprint_ = 0;
};

}  // namespace topgun::query
