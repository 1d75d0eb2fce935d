// Merkle tree of one map: depth 3, fan-out 16, path = first three hex digits of the key's hash
// (core.md 7.2). It answers "which keys differ" for delta sync.
//
// Node hashes are running sums, so Update and Remove touch one node per level whatever the size of
// the map. Nodes exist only where there are keys: an empty tree costs a pointer, a million keys of
// 20 bytes about 60 MB. A key may have item hash 0 (an OR key with tombstones only, core.md 7.6):
// it changes no hash but its buckets are listed.
//
// A path that is malformed or leads nowhere behaves like an empty bucket. Movable value; not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::crdt {

class MerkleTree {
 public:
  static constexpr size_t kDepth = 3;
  static constexpr size_t kFanOut = 16;

  struct Bucket {
    char digit;  // lowercase hex
    uint32_t hash;

    friend bool operator==(const Bucket&, const Bucket&) = default;
  };
  struct Leaf {
    uint16_t number;  // its path read as a hexadecimal number
    uint32_t hash;

    friend bool operator==(const Leaf&, const Leaf&) = default;
  };
  struct Item {
    std::string_view key;  // into the tree, valid until its next change
    uint32_t hash;

    friend bool operator==(const Item&, const Item&) = default;
  };

  MerkleTree();
  ~MerkleTree();
  MerkleTree(MerkleTree&& other) noexcept;
  MerkleTree& operator=(MerkleTree&& other) noexcept;

  // Sets the item hash of a key, new or known.
  void Update(std::string_view key, uint32_t item_hash);
  // False if the key was not there.
  bool Remove(std::string_view key);
  void Clear();

  size_t size() const;  // keys
  uint32_t root_hash() const { return NodeHash(""); }
  uint32_t NodeHash(std::string_view path) const;  // 0 if there is no such node
  std::optional<uint32_t> ItemHash(std::string_view key) const;

  // What SYNC_RESP_BUCKETS lists: the children that hold keys, by digit. Path length 0 to 2.
  std::vector<Bucket> Children(std::string_view path) const;
  // The leaf buckets below a node that hold keys, in order; a leaf lists itself.
  std::vector<Leaf> Leaves(std::string_view path) const;
  // The keys below a node: of a leaf bucket, what SYNC_RESP_LEAF lists.
  std::vector<Item> Items(std::string_view path) const;

 private:
  struct Root;

  // Calls visit(number, leaf) for the leaf buckets below a node.
  template <typename Visit>
  void VisitLeaves(std::string_view path, Visit visit) const;

  std::unique_ptr<Root> root_;  // null while empty
};

// "374": the leaf bucket of a key.
std::string MerklePath(std::string_view key);
// True for 0 to 3 lowercase hex digits.
bool IsMerklePath(std::string_view path);

// Keys whose item hashes differ, a missing key counting as hash 0; walks only differing buckets.
// In no particular order.
std::vector<std::string> DifferingKeys(const MerkleTree& a, const MerkleTree& b);

}  // namespace topgun::crdt
