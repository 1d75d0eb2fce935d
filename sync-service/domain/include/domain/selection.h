// What is asked of a map, and what its parts answer. Every loop has a part of the map: it finds the
// best of its rows, or its groups, and whoever asked merges them. Values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "domain/lww_content.h"
#include "domain/map_view.h"
#include "domain/top_rows.h"
#include "query/query.h"

namespace topgun::sync {

struct Snapshot {
  std::vector<Row> rows;   // live records in the order asked for, at most the number asked for
  uint64_t live_rows = 0;  // also those beyond
  std::vector<ShardPosition> positions;
};

struct Selection {
  query::Query query;
  size_t rows_max = 0;
  std::optional<std::string> after;  // only rows of a greater rank

  bool IsBehind(std::string_view rank) const { return !after.has_value() || rank > *after; }
};

// Of one loop. The groups refer to the selection.
struct Selected {
  std::vector<RankedRow> rows;  // by ascending rank; none of a query that groups
  std::optional<query::GroupTable> groups;
  uint64_t live_rows = 0;
  std::vector<ShardPosition> positions;  // what the rows include, and perhaps more
};

// RESOURCE_EXHAUSTED: too many groups.
StatusOr<Snapshot> MergeSelected(const Selection& selection, std::vector<Selected> parts);

}  // namespace topgun::sync
