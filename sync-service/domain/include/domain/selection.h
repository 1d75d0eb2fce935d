// What is asked of a map, and what its parts answer. Every loop has a part of the map: it finds the
// best of its rows, or its groups, and a SelectionMerge puts them together. Values; not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

// Puts the parts together. Of groups there may be very many, so that is done in slices.
class SelectionMerge {
 public:
  SelectionMerge(std::shared_ptr<const Selection> selection, std::vector<Selected> parts);

  // Goes on with about so many groups. True: that was all. RESOURCE_EXHAUSTED: too many groups.
  StatusOr<bool> Continue(size_t groups_max);
  // Once that was all.
  Snapshot Take();

 private:
  void TakeRows();
  void Rank(const query::GroupTable& groups);

  const std::shared_ptr<const Selection> selection_;
  std::vector<Selected> parts_;              // not merged yet
  std::optional<query::GroupTable> groups_;  // merged, and not ranked yet
  TopRows best_;
  Snapshot merged_;
};

}  // namespace topgun::sync
