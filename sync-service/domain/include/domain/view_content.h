// What a map view holds of one loop's shards: cells and, of what clients sync by walking, the
// Merkle tree over them.
//
// MapView keeps it current and says when it may be read. A cell is applied when it is newer than
// the one held, so cells may come in any order and more than once. Used on the view's loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/merkle_tree.h"

namespace topgun::sync {

class ViewContent {
 public:
  virtual ~ViewContent() = default;

  virtual void Apply(uint32_t shard, std::string_view key, std::string_view tag,
                     std::string_view cell) = 0;
  // Retention has dropped `cell`; a newer one stays.
  virtual void Prune(uint32_t shard, std::string_view key, std::string_view tag,
                     std::string_view cell) = 0;
  // Forgets what came from a shard.
  virtual void DropShard(uint32_t shard) = 0;
  virtual uint64_t bytes() const = 0;
};

// One encoded cell with its name; the tag is empty for LWW.
struct NamedCell {
  std::string key;
  std::string tag;
  std::string cell;
};

// Of LWW and OR maps.
class TreeContent : public ViewContent {
 public:
  // Keys with a record that is neither removed nor expired.
  virtual uint64_t LiveCount(int64_t now_ms) const = 0;

  // Over all cells, tombstones and expired ones included (core.md 7.3). Valid until the next
  // change.
  virtual const crdt::MerkleTree& Tree() = 0;
  // The cells below a node of the tree that were committed at or after a wall clock in ms. In no
  // particular order.
  virtual void AppendCells(std::string_view path, int64_t committed_since_ms,
                           std::vector<NamedCell>& out) = 0;
};

}  // namespace topgun::sync
