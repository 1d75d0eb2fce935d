#include "domain/tree_read.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace topgun::sync {

TreePart TakeTree(TreeContent& content, const TreeQuery& query, int64_t horizon_ms) {
  TreePart part;
  part.horizon_ms = horizon_ms;
  part.cells.resize(query.paths.size());
  const crdt::MerkleTree& tree = content.Tree();
  for (size_t i = 0; i < query.paths.size(); ++i) {
    part.sums.Take(tree, query.paths[i]);
    if (!query.WantsCells(i)) continue;
    content.AppendCells(query.paths[i], query.committed_since_ms, part.cells[i]);
  }
  return part;
}

TreePart MergeTrees(std::vector<TreePart> parts) {
  TreePart merged;
  for (TreePart& part : parts) {
    merged.sums.Add(part.sums);
    merged.horizon_ms = std::max(merged.horizon_ms, part.horizon_ms);
    merged.cells.resize(std::max(merged.cells.size(), part.cells.size()));
    for (size_t i = 0; i < part.cells.size(); ++i) {
      std::move(part.cells[i].begin(), part.cells[i].end(), std::back_inserter(merged.cells[i]));
    }
  }
  merged.sums.Fold();
  for (std::vector<NamedCell>& cells : merged.cells) {
    std::sort(cells.begin(), cells.end(), [](const NamedCell& a, const NamedCell& b) {
      return std::tie(a.key, a.tag) < std::tie(b.key, b.tag);
    });
  }
  return merged;
}

}  // namespace topgun::sync
