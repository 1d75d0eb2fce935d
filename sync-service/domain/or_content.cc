#include "domain/or_content.h"

#include <algorithm>
#include <utility>

#include "crdt/hash.h"
#include "state/cell.h"

namespace topgun::sync {

namespace {

constexpr uint64_t kKeyOverhead = 200;  // of the entry, its place in the tree, bookkeeping
constexpr uint64_t kTagOverhead = 144;  // of the cell and its place in the index of tags

// A stored cell: those were well-formed when they came.
state::CellView ViewOf(std::string_view stored) {
  state::CellView view;
  state::DecodeCell(stored, &view);
  return view;
}

bool Expires(const state::CellView& cell) { return cell.has_ttl && cell.ttl_ms > 0; }

}  // namespace

void OrContent::Count(Entries::iterator it, const state::CellView& cell, bool in) {
  if (cell.tombstone) return;
  Entry& entry = it->second;
  if (entry.lasting > 0) --lasting_keys_;
  uint32_t& records = Expires(cell) ? entry.mortal : entry.lasting;
  records = in ? records + 1 : records - 1;
  if (entry.lasting > 0) ++lasting_keys_;
  if (entry.lasting == 0 && entry.mortal > 0) {
    mortal_keys_.insert(it->first);
  } else {
    mortal_keys_.erase(it->first);
  }
}

OrContent::Entries::iterator OrContent::EntryFor(uint32_t shard, std::string_view key) {
  auto it = entries_.find(key);
  if (it != entries_.end() && it->second.shard != shard) {
    EraseKey(it);
    it = entries_.end();
  }
  if (it == entries_.end()) {
    it = entries_.try_emplace(std::string(key)).first;
    it->second.shard = shard;
    bytes_ += key.size() + kKeyOverhead;
  }
  MarkDirty(it->first, it->second);
  return it;
}

void OrContent::Apply(uint32_t shard, std::string_view key, std::string_view tag,
                      std::string_view cell) {
  state::CellView incoming;
  if (!state::DecodeCell(cell, &incoming)) return;
  const auto entry = EntryFor(shard, key);
  Cells& cells = entry->second.cells;
  auto it = cells.find(tag);
  if (it == cells.end()) {
    it = cells.emplace(std::string(tag), std::string()).first;
    tags_.emplace(it->first, entry->first);
    bytes_ += tag.size() + kTagOverhead;
  } else {
    const state::CellView current = ViewOf(it->second);
    if (current.version >= incoming.version) return;
    Count(entry, current, false);
    bytes_ -= it->second.size();
  }
  Count(entry, incoming, true);
  bytes_ += cell.size();
  it->second.assign(cell);
}

void OrContent::Prune(uint32_t shard, std::string_view key, std::string_view tag,
                      std::string_view cell) {
  const auto it = entries_.find(key);
  if (it == entries_.end() || it->second.shard != shard) return;
  const auto found = it->second.cells.find(tag);
  if (found == it->second.cells.end()) return;
  state::CellView pruned;
  state::CellView current;
  if (!state::DecodeCell(cell, &pruned) || !state::DecodeCell(found->second, &current)) return;
  if (current.version <= pruned.version) EraseCell(it, found);
}

void OrContent::DropShard(uint32_t shard) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto at = it++;
    if (at->second.shard == shard) EraseKey(at);
  }
}

void OrContent::EraseKey(Entries::iterator it) {
  for (const auto& [tag, cell] : it->second.cells) {
    Count(it, ViewOf(cell), false);
    tags_.erase({tag, it->first});
    bytes_ -= tag.size() + cell.size() + kTagOverhead;
  }
  bytes_ -= it->first.size() + kKeyOverhead;
  tree_.Remove(it->first);
  entries_.erase(it);
}

void OrContent::EraseCell(Entries::iterator it, Cells::iterator cell) {
  Count(it, ViewOf(cell->second), false);
  tags_.erase({cell->first, it->first});
  bytes_ -= cell->first.size() + cell->second.size() + kTagOverhead;
  it->second.cells.erase(cell);
  if (it->second.cells.empty()) {
    EraseKey(it);
  } else {
    MarkDirty(it->first, it->second);
  }
}

void OrContent::MarkDirty(const std::string& key, Entry& entry) {
  if (std::exchange(entry.dirty, true)) return;
  dirty_.push_back(key);
}

const crdt::MerkleTree& OrContent::Tree() {
  for (const std::string& key : std::exchange(dirty_, {})) RefreshItem(key);
  return tree_;
}

void OrContent::RefreshItem(const std::string& key) {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return;
  it->second.dirty = false;
  std::vector<crdt::OrRecordView> records;
  for (const auto& [tag, encoded] : it->second.cells) {
    state::CellView cell;
    if (!state::DecodeCell(encoded, &cell) || cell.tombstone) continue;
    records.push_back({cell.value, cell.timestamp, tag, cell.has_ttl, cell.ttl_ms});
  }
  tree_.Update(key, crdt::OrItemHash(key, records));
}

void OrContent::AppendCells(std::string_view path, int64_t committed_since_ms,
                            std::vector<NamedCell>& out) {
  for (const crdt::MerkleTree::Item& item : Tree().Items(path)) {
    const auto it = entries_.find(item.key);
    if (it == entries_.end()) continue;
    for (const auto& [tag, encoded] : it->second.cells) {
      state::CellView cell;
      if (!state::DecodeCell(encoded, &cell) || cell.commit_ms < committed_since_ms) continue;
      out.push_back({it->first, tag, encoded});
    }
  }
}

uint64_t OrContent::LiveCount(int64_t now_ms) const {
  uint64_t live = lasting_keys_;
  for (const std::string_view key : mortal_keys_) {
    const Cells& cells = entries_.find(key)->second.cells;
    const bool seen = std::any_of(cells.begin(), cells.end(), [now_ms](const auto& cell) {
      return ViewOf(cell.second).Live(now_ms);
    });
    if (seen) ++live;
  }
  return live;
}

ResolvedTag OrContent::Resolve(std::string_view tag) const {
  ResolvedTag resolved;
  for (auto it = tags_.lower_bound({tag, {}}); it != tags_.end() && it->first == tag; ++it) {
    const std::string& encoded = entries_.find(it->second)->second.cells.find(tag)->second;
    state::CellView cell;
    if (!state::DecodeCell(encoded, &cell)) continue;
    resolved = {cell.tombstone ? TagState::kDead : TagState::kLive, std::string(it->second)};
    if (resolved.state == TagState::kLive) break;
  }
  return resolved;
}

}  // namespace topgun::sync
