#include "domain/query_scan.h"

#include <utility>

namespace topgun::sync {

namespace {

// An ordinary row costs less than a look at the clock times this.
constexpr size_t kRowsPerLookAtClock = 8;

}  // namespace

QueryScan::QueryScan(LwwContent& content, std::shared_ptr<const Selection> selection,
                     int64_t now_ms)
    : content_(content),
      selection_(std::move(selection)),
      now_ms_(now_ms),
      best_(selection_->rows_max) {
  const query::Query& query = selection_->query;
  if (query.grouping().has_value()) {
    found_.groups.emplace(*query.grouping());
  } else if (query.order().by_key() && selection_->after.has_value()) {
    next_ = *selection_->after;  // the rank is the key
  }
}

StatusOr<bool> QueryScan::Continue(const SliceLimits& limits) {
  if (!content_.in_order()) {
    content_.PutInOrder(limits.cells_max);
    return false;
  }
  const auto end = std::chrono::steady_clock::now() + limits.time_max;
  size_t rows = 0;
  bool fits = true;
  LwwContent::Shown shown =
      content_.ShowRows(next_, limits.cells_max, now_ms_, [&](const RowView& row) {
        fits = Look(row);
        if (++rows % kRowsPerLookAtClock != 0) return fits;
        return fits && std::chrono::steady_clock::now() < end;
      });
  best_.Settle();
  cells_ += shown.cells;
  if (!fits) return ResourceExhausted("the query has too many groups");
  if (!shown.next.has_value()) return true;
  next_ = *std::move(shown.next);
  return false;
}

// False when there is no room for the row's group.
bool QueryScan::Look(const RowView& row) {
  const query::Query& query = selection_->query;
  if (!query.Matches(row.key, row.value)) return true;
  if (found_.groups.has_value()) return found_.groups->Add(row.key, row.value);
  rank_.clear();
  query.order().AppendRank(row.key, row.value, rank_);
  if (!selection_->IsBehind(rank_)) return true;
  ++found_.live_rows;
  best_.Offer(rank_, row);
  return true;
}

Selected QueryScan::Take() {
  found_.rows = best_.Take();
  return std::move(found_);
}

}  // namespace topgun::sync
