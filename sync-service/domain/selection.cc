#include "domain/selection.h"

#include <functional>
#include <queue>
#include <string_view>
#include <utility>

namespace topgun::sync {

namespace {

// Only what is returned is moved.
std::vector<Row> MergeRows(std::vector<Selected>& parts, size_t rows_max) {
  struct Head {
    std::string_view rank;
    size_t part;

    bool operator>(const Head& other) const { return rank > other.rank; }
  };
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  std::vector<size_t> taken(parts.size());
  const auto show_head = [&](size_t part) {
    const std::vector<RankedRow>& rows = parts[part].rows;
    if (taken[part] < rows.size()) heads.push({rows[taken[part]].rank, part});
  };
  for (size_t part = 0; part < parts.size(); ++part) show_head(part);
  std::vector<Row> merged;
  while (!heads.empty() && merged.size() < rows_max) {
    const size_t part = heads.top().part;
    heads.pop();
    merged.push_back(std::move(parts[part].rows[taken[part]++].row));
    show_head(part);
  }
  return merged;
}

// The groups of the whole map as rows.
Status MergeGroups(const Selection& selection, std::vector<Selected>& parts, Snapshot& merged) {
  query::GroupTable groups(*selection.query.grouping());
  for (Selected& part : parts) {
    if (part.groups.has_value() && !groups.Merge(std::move(*part.groups))) {
      return ResourceExhausted("the query has too many groups");
    }
  }
  TopRows best(selection.rows_max);
  std::string rank;
  groups.ForEachRow([&](std::string_view key, std::string_view value) {
    rank.clear();
    selection.query.order().AppendRank(key, value, rank);
    if (!selection.IsBehind(rank)) return;
    ++merged.live_rows;
    best.Offer(rank, {key, value, std::nullopt});
    best.Settle();
  });
  for (RankedRow& row : best.Take()) merged.rows.push_back(std::move(row.row));
  return OkStatus();
}

}  // namespace

StatusOr<Snapshot> MergeSelected(const Selection& selection, std::vector<Selected> parts) {
  Snapshot merged;
  for (const Selected& part : parts) {
    merged.live_rows += part.live_rows;
    merged.positions.insert(merged.positions.end(), part.positions.begin(), part.positions.end());
  }
  if (selection.query.grouping().has_value()) {
    RETURN_IF_ERROR(MergeGroups(selection, parts, merged));
  } else {
    merged.rows = MergeRows(parts, selection.rows_max);
  }
  return merged;
}

}  // namespace topgun::sync
