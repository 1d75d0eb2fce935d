// Reading the Merkle tree of a map that is spread over loops (core.md 7.4): every loop takes its
// part, whoever gathers them merges. Values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/merkle_sums.h"
#include "domain/view_content.h"

namespace topgun::sync {

struct TreeQuery {
  std::vector<std::string> paths;
  bool cells = false;  // of every path the cells below it, not its children
  int64_t committed_since_ms = 0;

  // Leaf buckets have no children.
  bool WantsCells(size_t path) const {
    return cells || paths[path].size() == crdt::MerkleTree::kDepth;
  }
};

struct TreePart {
  crdt::MerkleSums sums;                      // below the paths asked for
  std::vector<std::vector<NamedCell>> cells;  // per path, empty where only children are wanted
  int64_t horizon_ms = 0;
};

TreePart TakeTree(TreeContent& content, const TreeQuery& query, int64_t horizon_ms);

// The tree of the whole map, its sums folded, its cells ascending by key, then tag.
TreePart MergeTrees(std::vector<TreePart> parts);

}  // namespace topgun::sync
