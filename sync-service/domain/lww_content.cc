#include "domain/lww_content.h"

#include <iterator>
#include <utility>

#include "crdt/hash.h"

namespace topgun::sync {

namespace {

constexpr uint64_t kCellOverhead = 144;  // of the row, its place in the tree, bookkeeping

std::string LeafPath(size_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {kDigits[number >> 8], kDigits[number >> 4 & 15], kDigits[number & 15]};
}

}  // namespace

void LwwContent::Apply(uint32_t shard, std::string_view key, std::string_view /*tag*/,
                       std::string_view cell) {
  state::CellView incoming;
  if (!state::DecodeCell(cell, &incoming)) return;
  auto it = cells_.find(key);
  if (it == cells_.end()) {
    it = cells_.emplace(std::string(key), Stored()).first;
    if (!unordered()) order_.emplace(it->first, &it->second);
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
  Note(key);
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
  Note(it->first);
  tree_.Remove(it->first);
  if (!unordered()) order_.erase(it->first);
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
  if (!in_order()) PutInOrder(cells_.size());
  std::vector<Row> rows;
  for (auto it = order_.begin(); it != order_.end() && rows.size() < rows_max; ++it) {
    state::CellView cell;
    if (!state::DecodeCell(it->second->cell, &cell) || !cell.Live(now_ms)) continue;
    rows.push_back({std::string(it->first), std::string(cell.value), cell.ExpiresMs()});
  }
  return rows;
}

void LwwContent::PutInOrder(size_t cells_max) {
  if (cells_.size() <= cells_max) {
    for (const auto& [key, stored] : cells_) order_.emplace(key, &stored);
    leaves_in_order_ = kLeaves;
    return;
  }
  // By the leaves of the tree, because a place among the hashed cells does not survive a change.
  for (size_t cells = 0; cells < cells_max && !in_order(); ++leaves_in_order_) {
    for (const crdt::MerkleTree::Item& item : tree_.Items(LeafPath(leaves_in_order_))) {
      const auto it = cells_.find(item.key);
      order_.emplace(it->first, &it->second);
      ++cells;
    }
  }
}

LwwContent::Shown LwwContent::ShowRows(std::string_view from, size_t cells_max, int64_t now_ms,
                                       const std::function<bool(const RowView&)>& show) const {
  Shown shown;
  auto it = order_.lower_bound(from);
  for (bool more = true; more && it != order_.end() && shown.cells < cells_max; ++it) {
    ++shown.cells;
    state::CellView cell;
    if (!state::DecodeCell(it->second->cell, &cell) || !cell.Live(now_ms)) continue;
    more = show({it->first, cell.value, cell.ExpiresMs()});
  }
  if (it != order_.end()) shown.next = it->first;
  return shown;
}

std::optional<state::CellView> LwwContent::Find(std::string_view key) const {
  const auto it = cells_.find(key);
  state::CellView cell;
  if (it == cells_.end() || !state::DecodeCell(it->second.cell, &cell)) return std::nullopt;
  return cell;
}

void LwwContent::ForEachKeyOfLeaf(size_t number,
                                  const std::function<void(std::string_view)>& visit) const {
  for (const crdt::MerkleTree::Item& item : tree_.Items(LeafPath(number))) visit(item.key);
}

std::shared_ptr<MapIndex> LwwContent::OpenIndex(SearchProbe& probe) {
  if (index_ == nullptr) index_ = std::make_shared<MapIndex>(*this, probe);
  return index_;
}

uint64_t LwwContent::LiveCount(int64_t now_ms) const {
  const auto first_live = expiries_.lower_bound(static_cast<double>(now_ms));
  const auto expired = static_cast<uint64_t>(std::distance(expiries_.begin(), first_live));
  return lasting_ + expiries_.size() - expired;
}

}  // namespace topgun::sync
