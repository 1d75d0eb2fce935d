#include "domain/selection.h"

#include <functional>
#include <queue>
#include <utility>

namespace topgun::sync {

SelectionMerge::SelectionMerge(std::shared_ptr<const Selection> selection,
                               std::vector<Selected> parts)
    : selection_(std::move(selection)), parts_(std::move(parts)), best_(selection_->rows_max) {
  for (const Selected& part : parts_) {
    merged_.live_rows += part.live_rows;
    merged_.positions.insert(merged_.positions.end(), part.positions.begin(), part.positions.end());
  }
  if (!selection_->query.grouping().has_value()) return;
  groups_.emplace(std::move(*parts_.back().groups));
  parts_.pop_back();
}

StatusOr<bool> SelectionMerge::Continue(size_t groups_max) {
  if (!groups_.has_value()) {
    TakeRows();
    return true;
  }
  size_t left = groups_max;
  while (!parts_.empty()) {
    query::GroupTable some = parts_.back().groups->Split(left);
    left -= some.size();
    if (!groups_->Merge(std::move(some))) {
      return ResourceExhausted("the query has too many groups");
    }
    if (left == 0) return false;
    parts_.pop_back();
  }
  Rank(groups_->Split(left));
  return groups_->size() == 0;
}

// Only what is returned is moved.
void SelectionMerge::TakeRows() {
  struct Head {
    std::string_view rank;
    size_t part;

    bool operator>(const Head& other) const { return rank > other.rank; }
  };
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  std::vector<size_t> taken(parts_.size());
  const auto show_head = [&](size_t part) {
    const std::vector<RankedRow>& rows = parts_[part].rows;
    if (taken[part] < rows.size()) heads.push({rows[taken[part]].rank, part});
  };
  for (size_t part = 0; part < parts_.size(); ++part) show_head(part);
  while (!heads.empty() && merged_.rows.size() < selection_->rows_max) {
    const size_t part = heads.top().part;
    heads.pop();
    merged_.rows.push_back(std::move(parts_[part].rows[taken[part]++].row));
    show_head(part);
  }
}

void SelectionMerge::Rank(const query::GroupTable& groups) {
  std::string rank;
  groups.ForEachRow([&](std::string_view key, std::string_view value) {
    rank.clear();
    selection_->query.order().AppendRank(key, value, rank);
    if (!selection_->IsBehind(rank)) return;
    ++merged_.live_rows;
    best_.Offer(rank, {key, value, std::nullopt});
    best_.Settle();
  });
}

Snapshot SelectionMerge::Take() {
  for (RankedRow& group : best_.Take()) merged_.rows.push_back(std::move(group.row));
  return std::move(merged_);
}

}  // namespace topgun::sync
