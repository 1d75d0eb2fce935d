#include "service/tree_codec.h"

#include <utility>

namespace topgun::sync {

namespace {

constexpr size_t kTreeChunkBytes = 1u << 20;
constexpr size_t kNodeBytes = 32;  // without children and cells
constexpr int kPathsMax = 4096;

class TreeCutter {
 public:
  TreeCutter(const TreeQuery& query, const TreePart& tree) : query_(query), tree_(tree) {}

  std::deque<v1::ReadTreeChunk> Cut() {
    chunks_.emplace_back();
    for (size_t path = 0; path < query_.paths.size(); ++path) {
      StartNode(path);
      if (query_.WantsCells(path)) {
        for (const NamedCell& cell : tree_.cells[path]) AddCell(path, cell);
      } else {
        AddChildren(path);
      }
    }
    chunks_.back().set_horizon_ms(tree_.horizon_ms);
    return std::move(chunks_);
  }

 private:
  void StartNode(size_t path) {
    if (bytes_ > kTreeChunkBytes) {
      chunks_.emplace_back();
      bytes_ = 0;
    }
    node_ = chunks_.back().add_nodes();
    node_->set_path(static_cast<uint32_t>(path));
    node_->set_hash(tree_.sums.NodeHash(query_.paths[path]));
    bytes_ += kNodeBytes;
  }

  void AddChildren(size_t path) {
    for (const crdt::MerkleTree::Bucket& bucket : tree_.sums.Children(query_.paths[path])) {
      node_->mutable_digits()->push_back(bucket.digit);
      node_->add_hashes(bucket.hash);
      bytes_ += sizeof(bucket.digit) + sizeof(bucket.hash);
    }
  }

  void AddCell(size_t path, const NamedCell& cell) {
    if (bytes_ > kTreeChunkBytes) StartNode(path);
    node_->mutable_keys()->append(cell.key);
    node_->add_key_lengths(static_cast<uint32_t>(cell.key.size()));
    node_->mutable_tags()->append(cell.tag);
    node_->add_tag_lengths(static_cast<uint32_t>(cell.tag.size()));
    node_->mutable_cells()->append(cell.cell);
    node_->add_cell_lengths(static_cast<uint32_t>(cell.cell.size()));
    bytes_ += cell.key.size() + cell.tag.size() + cell.cell.size();
  }

  const TreeQuery& query_;
  const TreePart& tree_;
  std::deque<v1::ReadTreeChunk> chunks_;
  v1::TreeNode* node_ = nullptr;  // in the last chunk
  size_t bytes_ = 0;              // of the last chunk
};

}  // namespace

StatusOr<TreeQuery> DecodeTreeQuery(const v1::ReadTreeRequest& request) {
  if (request.kind() != crdt::v1::CELL_KIND_LWW && request.kind() != crdt::v1::CELL_KIND_OR) {
    return InvalidArgument("kind: neither LWW nor OR");
  }
  if (request.paths_size() > kPathsMax) return InvalidArgument("paths: too many");
  TreeQuery query;
  query.paths.assign(request.paths().begin(), request.paths().end());
  query.cells = request.cells();
  query.committed_since_ms = request.committed_since_ms();
  return query;
}

std::deque<v1::ReadTreeChunk> CutTree(const TreeQuery& query, const TreePart& tree) {
  return TreeCutter(query, tree).Cut();
}

}  // namespace topgun::sync
