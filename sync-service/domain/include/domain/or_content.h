// The cells of an OR map in one loop's shards, by key and tag (core.md 4.2, 7.3, 7.6).
//
// A key stays in the tree as long as it has any cell: with tombstones only its item hash is 0.
// Item hashes are computed when the tree is read, once per key changed since. Used on the view's
// loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/node_hash_map.h"
#include "crdt/merkle_tree.h"
#include "domain/cell_cache.h"
#include "domain/view_content.h"
#include "state/cell.h"

namespace topgun::sync {

enum class TagState : uint8_t { kUnknown = 0, kLive = 1, kDead = 2 };

struct ResolvedTag {
  TagState state = TagState::kUnknown;
  std::string key;
};

class OrContent final : public TreeContent {
 public:
  void Apply(uint32_t shard, std::string_view key, std::string_view tag,
             std::string_view cell) override;
  void Prune(uint32_t shard, std::string_view key, std::string_view tag,
             std::string_view cell) override;
  void DropShard(uint32_t shard) override;
  uint64_t bytes() const override { return bytes_; }
  uint64_t LiveCount(int64_t now_ms) const override;
  const crdt::MerkleTree& Tree() override;
  void AppendCells(std::string_view path, int64_t committed_since_ms,
                   std::vector<NamedCell>& out) override;

  // Where a tag lives. Nothing keeps writers from using one tag under several keys: then one where
  // it is a record, not a tombstone, wins, so that whoever removes it gets at all of them in time.
  ResolvedTag Resolve(std::string_view tag) const;

 private:
  using Cells = std::map<std::string, std::string, std::less<>>;  // by tag
  struct Entry {
    uint32_t shard = 0;
    bool dirty = false;    // listed in dirty_
    uint32_t lasting = 0;  // records that never expire
    uint32_t mortal = 0;   // records that do
    Cells cells;
  };
  // Nodes keep their place: tags_ points to the keys.
  using Entries = absl::node_hash_map<std::string, Entry, BytesHash, BytesEqual>;

  // Counts a cell in or out.
  void Count(Entries::iterator it, const state::CellView& cell, bool in);
  Entries::iterator EntryFor(uint32_t shard, std::string_view key);
  void EraseKey(Entries::iterator it);
  void EraseCell(Entries::iterator it, Cells::iterator cell);
  void MarkDirty(const std::string& key, Entry& entry);
  void RefreshItem(const std::string& key);

  Entries entries_;
  absl::btree_set<std::pair<std::string_view, std::string_view>> tags_;  // tag, key: into entries_
  std::vector<std::string> dirty_;
  crdt::MerkleTree tree_;
  uint64_t bytes_ = 0;
  uint64_t lasting_keys_ = 0;                      // with a record that never expires
  absl::btree_set<std::string_view> mortal_keys_;  // with others only: into entries_
};

}  // namespace topgun::sync
