#include "domain/lww_content.h"

#include <iterator>
#include <utility>

#include "crdt/hash.h"

namespace topgun::sync {

namespace {

constexpr uint64_t kCellOverhead = 144;  // of the row, its place in the tree, bookkeeping

}  // namespace

void LwwContent::Apply(uint32_t shard, std::string_view key, std::string_view /*tag*/,
                       std::string_view cell) {
  state::CellView incoming;
  if (!state::DecodeCell(cell, &incoming)) return;
  auto it = cells_.find(key);
  if (it == cells_.end()) {
    it = cells_.emplace(std::string(key), Stored()).first;
    if (order_.has_value()) order_->emplace(it->first, &it->second);
    bytes_ += key.size() + kCellOverhead;
  } else {
    state::CellView current;
    state::DecodeCell(it->second.cell, &current);
    if (it->second.shard == shard && current.version >= incoming.version) return;
    Count(current, false);
    bytes_ -= it->second.cell.size();
  }
  Count(incoming, true);
  bytes_ += cell.size();
  it->second.shard = shard;
  it->second.cell.assign(cell);
  tree_.Update(key, crdt::LwwItemHash(key, incoming.timestamp));
}

void LwwContent::Prune(uint32_t shard, std::string_view key, std::string_view /*tag*/,
                       std::string_view cell) {
  const auto it = cells_.find(key);
  if (it == cells_.end() || it->second.shard != shard) return;
  state::CellView pruned;
  state::CellView current;
  if (!state::DecodeCell(cell, &pruned) || !state::DecodeCell(it->second.cell, &current)) return;
  if (current.version <= pruned.version) Erase(it);
}

void LwwContent::DropShard(uint32_t shard) {
  for (auto it = cells_.begin(); it != cells_.end();) {
    const auto at = it++;
    if (at->second.shard == shard) Erase(at);
  }
}

void LwwContent::Erase(Cells::iterator it) {
  state::CellView cell;
  if (state::DecodeCell(it->second.cell, &cell)) Count(cell, false);
  bytes_ -= it->first.size() + it->second.cell.size() + kCellOverhead;
  tree_.Remove(it->first);
  if (order_.has_value()) order_->erase(it->first);
  cells_.erase(it);
}

void LwwContent::Count(const state::CellView& cell, bool in) {
  if (cell.tombstone) return;
  const std::optional<double> expires_ms = cell.ExpiresMs();
  if (!expires_ms.has_value()) {
    lasting_ = in ? lasting_ + 1 : lasting_ - 1;
  } else if (in) {
    expiries_.insert(*expires_ms);
  } else {
    expiries_.erase(expiries_.find(*expires_ms));
  }
}

void LwwContent::AppendCells(std::string_view path, int64_t committed_since_ms,
                             std::vector<NamedCell>& out) {
  for (const crdt::MerkleTree::Item& item : tree_.Items(path)) {
    const auto it = cells_.find(item.key);
    state::CellView cell;
    if (it == cells_.end() || !state::DecodeCell(it->second.cell, &cell)) continue;
    if (cell.commit_ms >= committed_since_ms) out.push_back({it->first, {}, it->second.cell});
  }
}

std::vector<Row> LwwContent::LiveRows(size_t rows_max, int64_t now_ms) {
  if (!order_.has_value()) {
    order_.emplace();
    for (const auto& [key, stored] : cells_) order_->emplace(key, &stored);
  }
  std::vector<Row> rows;
  for (auto it = order_->begin(); it != order_->end() && rows.size() < rows_max; ++it) {
    state::CellView cell;
    if (!state::DecodeCell(it->second->cell, &cell) || !cell.Live(now_ms)) continue;
    rows.push_back({std::string(it->first), std::string(cell.value), cell.ExpiresMs()});
  }
  return rows;
}

uint64_t LwwContent::LiveCount(int64_t now_ms) const {
  const auto first_live = expiries_.lower_bound(static_cast<double>(now_ms));
  const auto expired = static_cast<uint64_t>(std::distance(expiries_.begin(), first_live));
  return lasting_ + expiries_.size() - expired;
}

}  // namespace topgun::sync
