// The cells of an LWW map in one loop's shards, by key (core.md 4.1, 7.3). Used on the view's loop.
//
// Building a view and reading leaves look single keys up, many thousands of them, so the cells are
// hashed. Only snapshots want an order: it is built by the first one and kept from then on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/node_hash_map.h"
#include "crdt/merkle_tree.h"
#include "domain/cell_cache.h"
#include "domain/view_content.h"
#include "state/cell.h"

namespace topgun::sync {

struct Row {
  std::string key;
  std::string value;                 // MessagePack
  std::optional<double> expires_ms;  // wall clock after which the row is hidden
};

class LwwContent final : public TreeContent {
 public:
  void Apply(uint32_t shard, std::string_view key, std::string_view tag,
             std::string_view cell) override;
  void Prune(uint32_t shard, std::string_view key, std::string_view tag,
             std::string_view cell) override;
  void DropShard(uint32_t shard) override;
  uint64_t bytes() const override { return bytes_; }
  uint64_t LiveCount(int64_t now_ms) const override;
  const crdt::MerkleTree& Tree() override { return tree_; }
  void AppendCells(std::string_view path, int64_t committed_since_ms,
                   std::vector<NamedCell>& out) override;

  // Live rows by ascending key, at most `rows_max`.
  std::vector<Row> LiveRows(size_t rows_max, int64_t now_ms);

 private:
  struct Stored {
    uint32_t shard = 0;
    std::string cell;
  };
  // Nodes stay where they are: the order points into them.
  using Cells = absl::node_hash_map<std::string, Stored, BytesHash, BytesEqual>;
  using Order = absl::btree_map<std::string_view, const Stored*>;

  void Erase(Cells::iterator it);
  // Counts a cell in or out.
  void Count(const state::CellView& cell, bool in);

  Cells cells_;
  std::optional<Order> order_;  // of cells_, once it is wanted
  crdt::MerkleTree tree_;
  uint64_t bytes_ = 0;
  uint64_t lasting_ = 0;                   // cells that are live and never expire
  absl::btree_multiset<double> expiries_;  // of the records that do
};

}  // namespace topgun::sync
