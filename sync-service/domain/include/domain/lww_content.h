// The cells of an LWW map in one loop's shards, by key (core.md 4.1, 7.3). Used on the view's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "crdt/merkle_tree.h"
#include "domain/view_content.h"
#include "state/cell.h"

namespace topgun::sync {

struct Row {
  std::string key;
  std::string value;                 // MessagePack
  std::optional<double> expires_ms;  // wall clock after which the row is hidden
};

class LwwContent final : public ViewContent {
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
  std::vector<Row> LiveRows(size_t rows_max, int64_t now_ms) const;

 private:
  struct Stored {
    uint32_t shard = 0;
    std::string cell;
  };
  using Cells = absl::btree_map<std::string, Stored, std::less<>>;

  Cells::iterator Erase(Cells::iterator it);
  // Counts a cell in or out.
  void Count(const state::CellView& cell, bool in);

  Cells cells_;
  crdt::MerkleTree tree_;
  uint64_t bytes_ = 0;
  uint64_t lasting_ = 0;                   // cells that are live and never expire
  absl::btree_multiset<double> expiries_;  // of the records that do
};

}  // namespace topgun::sync
