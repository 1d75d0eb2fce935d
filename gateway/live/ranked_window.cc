#include "live/ranked_window.h"

#include <algorithm>
#include <utility>

namespace topgun::gateway {
namespace {

// Of a row's places in both indices.
constexpr size_t kRowBytes = 240;

RowUpdate Leave(std::string_view key) {
  return {.change = wire::ChangeType::kLeave, .key = std::string(key), .value = {}};
}

}  // namespace

size_t RankedWindow::BytesOf(std::string_view rank, const Row& row) {
  return rank.size() + row.key.size() + row.value.size() + kRowBytes;
}

void RankedWindow::Charge(size_t bytes, size_t credit) {
  bytes_ += bytes - credit;
  budget_.bytes += bytes - credit;
}

bool RankedWindow::Add(std::string_view rank, std::string_view key, std::string_view value) {
  Row row{std::string(key), std::string(value)};
  const size_t bytes = BytesOf(rank, row);
  if (failed_ || !complete_ || !budget_.Fits(bytes)) {
    // The reserve may be smaller than it was meant to be, the page not.
    failed_ = failed_ || rows_.size() < limit_;
    complete_ = false;
    return !failed_;
  }
  const auto [at, inserted] = rows_.emplace(std::string(rank), std::move(row));
  if (!inserted) return true;
  by_key_.emplace(at->second.key, at);
  if (rows_.size() == limit_ + 1) edge_ = std::prev(rows_.end());
  Charge(bytes, 0);
  return true;
}

void RankedWindow::Complete(bool has_more) {
  complete_ = complete_ && !has_more;
  if (!rows_.empty()) known_upto_ = rows_.rbegin()->first;
  enough_ = std::clamp(rows_.size(), limit_, limit_ + reserve_ / 4);
}

RankedWindow::Rows::iterator RankedWindow::Erase(Rows::iterator row) {
  Rows::iterator moves_up = rows_.end();
  if (row == edge_) {
    ++edge_;
  } else if (edge_ != rows_.end() && row->first < edge_->first) {
    moves_up = edge_++;
  }
  Charge(0, BytesOf(row->first, row->second));
  by_key_.erase(row->second.key);
  rows_.erase(row);
  return moves_up;
}

RankedWindow::Rows::iterator RankedWindow::Insert(const RowChange& change,
                                                  Rows::iterator* pushed_out) {
  const auto [row, inserted] = rows_.emplace(
      std::string(change.rank), Row{std::string(change.key), std::string(change.value)});
  if (!inserted) return row;  // no two keys have the same rank
  by_key_.emplace(row->second.key, row);
  Charge(BytesOf(row->first, row->second), 0);
  if (edge_ == rows_.end() ? rows_.size() > limit_ : row->first < edge_->first) {
    edge_ = std::prev(edge_);
    if (edge_ != row) *pushed_out = edge_;
  }
  return row;
}

void RankedWindow::Apply(const RowChange& change, RowUpdates& updates) {
  const auto known = by_key_.find(change.key);
  const bool placed = change.selected && Knows(change.rank);
  if (known != by_key_.end() && placed && known->second->first == change.rank) {
    std::string& value = known->second->second.value;
    Charge(change.value.size(), value.size());
    value.assign(change.value);
    if (IsShown(known->second)) {
      updates.push_back({wire::ChangeType::kUpdate, std::string(change.key), value});
    }
    return Trim();
  }

  bool was_shown = false;
  Rows::iterator moves_up = rows_.end();
  if (known != by_key_.end()) {
    was_shown = IsShown(known->second);
    moves_up = Erase(known->second);
  }
  bool is_shown = false;
  Rows::iterator pushed_out = rows_.end();
  Rows::iterator row = rows_.end();
  if (placed) {
    row = Insert(change, &pushed_out);
    is_shown = IsShown(row);
  }
  // Whoever moves up for the old place of the row is pushed out again by its new one.
  if (moves_up == pushed_out) moves_up = pushed_out = rows_.end();
  if (was_shown && !is_shown) updates.push_back(Leave(change.key));
  if (pushed_out != rows_.end()) updates.push_back(Leave(pushed_out->second.key));
  if (moves_up != rows_.end()) {
    updates.push_back({wire::ChangeType::kEnter, moves_up->second.key, moves_up->second.value});
  }
  if (is_shown) {
    updates.push_back({was_shown ? wire::ChangeType::kUpdate : wire::ChangeType::kEnter,
                       row->second.key, row->second.value});
  }
  Trim();
}

// Rows on the page stay, so what Apply() has told of them holds.
void RankedWindow::Trim() {
  if (rows_.size() > limit_ + 2 * reserve_) {
    while (rows_.size() > limit_ + reserve_) EraseLast();
  }
  while (!budget_.Fits(0) && rows_.size() > limit_) EraseLast();
  failed_ = failed_ || !budget_.Fits(0);
}

void RankedWindow::EraseLast() {
  complete_ = false;
  Erase(std::prev(rows_.end()));
  // Not beyond what was known before.
  known_upto_ = rows_.empty() ? std::string() : rows_.rbegin()->first;
}

const std::string* RankedWindow::ShownValueOf(std::string_view key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || !IsShown(found->second)) return nullptr;
  return &found->second->second.value;
}

void RankedWindow::Succeed(ResultSet& earlier, RowUpdates& updates) {
  const auto& before = static_cast<const RankedWindow&>(earlier);
  const Rows::const_iterator old_edge = before.edge_;
  for (auto row = before.rows_.begin(); row != old_edge; ++row) {
    if (ShownValueOf(row->second.key) == nullptr) updates.push_back(Leave(row->second.key));
  }
  RowUpdates changed;
  const Rows::const_iterator edge = edge_;
  for (auto row = rows_.cbegin(); row != edge; ++row) {
    const std::string* const old_value = before.ShownValueOf(row->second.key);
    if (old_value == nullptr) {
      updates.push_back({wire::ChangeType::kEnter, row->second.key, row->second.value});
    } else if (*old_value != row->second.value) {
      changed.push_back({wire::ChangeType::kUpdate, row->second.key, row->second.value});
    }
  }
  updates.insert(updates.end(), changed.begin(), changed.end());
}

}  // namespace topgun::gateway
