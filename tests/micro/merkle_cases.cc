// lib/crdt: the Merkle tree of a map with 100 000 keys.
#include <memory>

#include "case.h"
#include "crdt/merkle_tree.h"
#include "workload.h"

namespace topgun::micro {
namespace {

constexpr size_t kTreeKeys = 100'000;
constexpr size_t kChanged = 100;
constexpr size_t kLeaf = 4'096;

using TreePtr = std::shared_ptr<crdt::MerkleTree>;

TreePtr MakeTree(size_t changed) {
  auto tree = std::make_shared<crdt::MerkleTree>();
  for (size_t key = 0; key < kTreeKeys; ++key) {
    const bool differs = key % (kTreeKeys / kChanged) == 0 && changed > 0;
    tree->Update(KeyName(key), static_cast<uint32_t>(key * 2'654'435'761U + (differs ? 1 : 0)));
  }
  return tree;
}

Case::Call Update() {
  return [tree = MakeTree(0), keys = std::make_shared<Ops>(wire::OpKind::kRemove, kOpsPerFrame),
          hash = uint32_t{0}]() mutable {
    for (const wire::Op& op : keys->ops()) tree->Update(op.key, ++hash);
  };
}

Case::Call Children() {
  return [tree = MakeTree(0)] {
    Keep(tree->Children("").size());
    Keep(tree->Children("3").size());
    Keep(tree->Children("37").size());
  };
}

Case::Call Items() {
  return [tree = MakeTree(0)] { Keep(tree->Items("374").size()); };
}

Case::Call Diff() {
  return [ours = MakeTree(0), theirs = MakeTree(kChanged)] {
    Keep(crdt::DifferingKeys(*ours, *theirs).size());
  };
}

}  // namespace

void AddMerkleCases(std::vector<Case>& cases) {
  cases.push_back({.name = "merkle/update", .items = kOpsPerFrame, .prepare = Update});
  cases.push_back({.name = "merkle/walk_to_leaf", .prepare = Children});
  cases.push_back({.name = "merkle/list_leaf_keys", .items = kTreeKeys / kLeaf, .prepare = Items});
  cases.push_back({.name = "merkle/diff_100_keys", .items = kChanged, .prepare = Diff});
}

}  // namespace topgun::micro
