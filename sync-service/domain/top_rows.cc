#include "domain/top_rows.h"

#include <algorithm>
#include <utility>

namespace topgun::sync {

void TopRows::Offer(std::string& rank, const RowView& row) {
  const bool full = kept_.size() == rows_max_;
  if (full && (heap_.empty() || rank >= kept_[heap_.front()].ranked.rank)) return;
  const auto less = [this](size_t a, size_t b) {
    return kept_[a].ranked.rank < kept_[b].ranked.rank;
  };
  if (full) {
    std::pop_heap(heap_.begin(), heap_.end(), less);
  } else {
    heap_.push_back(kept_.size());
    kept_.emplace_back();
  }
  Kept& kept = kept_[heap_.back()];
  kept.ranked.rank.swap(rank);
  kept.borrowed = row;
  borrowed_.push_back(heap_.back());
  std::push_heap(heap_.begin(), heap_.end(), less);
}

void TopRows::Settle() {
  for (const size_t slot : borrowed_) {
    Kept& kept = kept_[slot];
    if (!kept.borrowed.has_value()) continue;
    kept.ranked.row.key = kept.borrowed->key;
    kept.ranked.row.value = kept.borrowed->value;
    kept.ranked.row.expires_ms = kept.borrowed->expires_ms;
    kept.borrowed.reset();
  }
  borrowed_.clear();
}

std::vector<RankedRow> TopRows::Take() {
  std::vector<RankedRow> rows;
  rows.reserve(kept_.size());
  for (Kept& kept : kept_) rows.push_back(std::move(kept.ranked));
  std::sort(rows.begin(), rows.end(),
            [](const RankedRow& a, const RankedRow& b) { return a.rank < b.rank; });
  kept_.clear();
  heap_.clear();
  return rows;
}

}  // namespace topgun::sync
