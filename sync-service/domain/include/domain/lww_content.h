// The cells of an LWW map in one loop's shards, by key (core.md 4.1, 7.3). Used on the view's loop.
//
// Building a view and reading leaves look single keys up, many thousands of them, so the cells are
// hashed. Only snapshots want an order: it is built by the first one and kept from then on.
// ShowRows() is for those that look at rows in several turns of the loop: they name the key to go
// on from, so whatever happens in between does not confuse them. Only searches want an index
// (map_index.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/node_hash_map.h"
#include "crdt/merkle_tree.h"
#include "domain/cell_cache.h"
#include "domain/map_index.h"
#include "domain/view_content.h"
#include "state/cell.h"

namespace topgun::sync {

struct Row {
  std::string key;
  std::string value;                 // MessagePack
  std::optional<double> expires_ms;  // wall clock after which the row is hidden
};

// Borrowed from the content until its next change.
struct RowView {
  std::string_view key;
  std::string_view value;
  std::optional<double> expires_ms;
};

class LwwContent final : public TreeContent {
 public:
  void Apply(uint32_t shard, std::string_view key, std::string_view tag,
             std::string_view cell) override;
  void Prune(uint32_t shard, std::string_view key, std::string_view tag,
             std::string_view cell) override;
  void DropShard(uint32_t shard) override;
  uint64_t bytes() const override { return bytes_ + (index_ == nullptr ? 0 : index_->bytes()); }
  uint64_t LiveCount(int64_t now_ms) const override;
  const crdt::MerkleTree& Tree() override { return tree_; }
  void AppendCells(std::string_view path, int64_t committed_since_ms,
                   std::vector<NamedCell>& out) override;

  // Live rows by ascending key, at most `rows_max`.
  std::vector<Row> LiveRows(size_t rows_max, int64_t now_ms);

  // Puts about so many cells more into the order of keys.
  void PutInOrder(size_t cells_max);
  bool in_order() const { return leaves_in_order_ == kLeaves; }
  struct Shown {
    size_t cells = 0;                 // looked at, hidden ones included
    std::optional<std::string> next;  // key to go on from; nothing: there are no more
  };
  // Shows live rows by ascending key, from the key `from` or the first one behind it, until so many
  // cells were looked at or `show` returns false. Only while in_order().
  Shown ShowRows(std::string_view from, size_t cells_max, int64_t now_ms,
                 const std::function<bool(const RowView&)>& show) const;

  // Valid until the next change.
  std::optional<state::CellView> Find(std::string_view key) const;
  // The keys below a leaf of the tree, by its number.
  static constexpr size_t kLeaves = 4096;
  void ForEachKeyOfLeaf(size_t number, const std::function<void(std::string_view)>& visit) const;

  // The search index, from now on kept until it is dropped.
  std::shared_ptr<MapIndex> OpenIndex(SearchProbe& probe);
  const MapIndex* index() const { return index_.get(); }
  void DropIndex() { index_.reset(); }

 private:
  struct Stored {
    uint32_t shard = 0;
    std::string cell;
  };
  // Nodes stay where they are: the order points into them.
  using Cells = absl::node_hash_map<std::string, Stored, BytesHash, BytesEqual>;
  using Order = absl::btree_map<std::string_view, const Stored*>;

  // Nobody has wanted the order: it is not kept.
  bool unordered() const { return leaves_in_order_ == 0; }
  void Erase(Cells::iterator it);
  // Counts a cell in or out.
  void Count(const state::CellView& cell, bool in);

  // For the index.
  void Note(std::string_view key) {
    if (index_ != nullptr) index_->Note(key);
  }

  Cells cells_;
  // Of the cells below the first leaves of the tree, and of those that came since it is wanted.
  Order order_;
  size_t leaves_in_order_ = 0;
  crdt::MerkleTree tree_;
  uint64_t bytes_ = 0;
  uint64_t lasting_ = 0;                   // cells that are live and never expire
  absl::btree_multiset<double> expiries_;  // of the records that do
  std::shared_ptr<MapIndex> index_;        // null: nobody searches
};

}  // namespace topgun::sync
