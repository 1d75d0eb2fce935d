#include "crdt/merkle_sums.h"

#include "crdt/hash.h"
#include "hex_digits.h"

namespace topgun::crdt {
namespace {

// Nodes are numbered like a heap: children of node i are 16 i + 1 to 16 i + 16.
size_t FirstChild(size_t node) { return node * MerkleTree::kFanOut + 1; }

size_t NodeAt(std::string_view path) {
  size_t node = 0;
  for (const char digit : path) node = FirstChild(node) + kHexDigits.find(digit);
  return node;
}

}  // namespace

MerkleSums::MerkleSums() : hashes_(kNodeCount) {}

void MerkleSums::Take(const MerkleTree& tree, std::string_view path) {
  for (const MerkleTree::Leaf& leaf : tree.Leaves(path)) {
    hashes_[kLeafStart + leaf.number] = leaf.hash;
    present_.set(kLeafStart + leaf.number);
  }
}

void MerkleSums::Add(const MerkleSums& part) {
  for (size_t node = kLeafStart; node < kNodeCount; ++node) hashes_[node] += part.hashes_[node];
  present_ |= part.present_;
}

void MerkleSums::Fold() {
  for (size_t node = kLeafStart; node-- > 0;) {
    uint32_t hash = 0;
    bool present = false;
    for (size_t child = FirstChild(node); child < FirstChild(node) + MerkleTree::kFanOut; ++child) {
      hash += Mix(hashes_[child]);
      present = present || present_.test(child);
    }
    hashes_[node] = hash;
    present_.set(node, present);
  }
}

uint32_t MerkleSums::NodeHash(std::string_view path) const {
  return IsMerklePath(path) ? hashes_[NodeAt(path)] : 0;
}

std::vector<MerkleTree::Bucket> MerkleSums::Children(std::string_view path) const {
  std::vector<MerkleTree::Bucket> buckets;
  if (!IsMerklePath(path) || path.size() == MerkleTree::kDepth) return buckets;
  const size_t first = FirstChild(NodeAt(path));
  for (size_t digit = 0; digit < MerkleTree::kFanOut; ++digit) {
    if (present_.test(first + digit))
      buckets.push_back({kHexDigits[digit], hashes_[first + digit]});
  }
  return buckets;
}

}  // namespace topgun::crdt
