// The Merkle tree of a map whose keys are spread over several trees (core.md 7.4).
//
// A leaf hash is a sum over its keys, so the leaf hashes of the parts add up to that of the map;
// the levels above are computed from those. A leaf that some part holds counts as present even if
// its hash is 0 (core.md 7.6).
//
// Use: Take() from one tree per part, Add() the parts up, Fold(), then read. About 18 KB whatever
// the map's size. Value; not thread-safe.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "crdt/merkle_tree.h"

namespace topgun::crdt {

class MerkleSums {
 public:
  MerkleSums();

  // The leaves of a tree below a node; taking overlapping nodes of one tree is fine.
  void Take(const MerkleTree& tree, std::string_view path);
  // Those of another part of the map.
  void Add(const MerkleSums& part);
  // Computes the levels above the leaves.
  void Fold();

  // As in MerkleTree, of what was taken: a node is right if it, or one above it, was taken from
  // every part.
  uint32_t NodeHash(std::string_view path) const;
  std::vector<MerkleTree::Bucket> Children(std::string_view path) const;

 private:
  // Nodes level by level: 1 + 16 + 256 + 4096.
  static constexpr size_t kLeafStart = 273;
  static constexpr size_t kNodeCount = kLeafStart + 4096;

  std::vector<uint32_t> hashes_;
  std::bitset<kNodeCount> present_;
};

}  // namespace topgun::crdt
