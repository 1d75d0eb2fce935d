// What a client holds of one map: enough to merge what the server sends and to keep the client's
// Merkle tree (core.md 4, 7.3).
//
// An LWW replica keeps clocks and no values, since values enter no hash; an OR replica keeps whole
// records. Owned by one MerkleClient; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/merkle_tree.h"
#include "wire/server_frame.h"

namespace topgun::loadgen {

// A key and the newest clock of its records, in ms.
struct KeyAge {
  std::string key;
  int64_t millis = 0;
  int64_t counter = 0;
};

class Replica {
 public:
  virtual ~Replica() = default;

  const crdt::MerkleTree& tree() const { return tree_; }

  // A copy with everything this one holds.
  virtual std::unique_ptr<Replica> Clone() const = 0;
  // In no particular order.
  virtual std::vector<KeyAge> Keys() const = 0;
  // As if the client had never heard of the key.
  virtual void Forget(const std::string& key) = 0;
  virtual void Clear() = 0;

  // Merges the records of a leaf and returns how many these were. `push` gets, for OR maps, the
  // frame that the stock client answers a leaf with (core.md 7.6).
  virtual size_t MergeLeaf(const wire::ServerFrame& leaf, std::string& push) = 0;

 protected:
  crdt::MerkleTree tree_;
};

std::unique_ptr<Replica> MakeReplica(bool is_or);

}  // namespace topgun::loadgen
