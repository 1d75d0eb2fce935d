// One leaf bucket of a MerkleTree: key -> item hash, in little memory.
//
// All keys of a bucket lie end to end in one block, so that an entry costs 16 bytes plus its key
// and no allocation of its own. Internal to lib/crdt. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::crdt {

class MerkleLeaf {
 public:
  // True if the key is new. `key_hash` is HashString(key).
  bool Set(uint32_t key_hash, std::string_view key, uint32_t item_hash);
  // True if the key was there.
  bool Erase(uint32_t key_hash, std::string_view key);
  std::optional<uint32_t> Find(uint32_t key_hash, std::string_view key) const;

  uint32_t hash() const { return hash_; }  // combine(item hashes), kept as a running sum
  size_t size() const { return slots_.size(); }
  // Entries in order of (hash of key, key); valid until the next change.
  std::string_view key(size_t index) const { return KeyOf(slots_[index]); }
  uint32_t item_hash(size_t index) const { return slots_[index].item_hash; }

 private:
  struct Slot {
    uint32_t key_hash;
    uint32_t item_hash;
    uint32_t offset;  // of the key in keys_
    uint32_t length;
  };

  std::string_view KeyOf(const Slot& slot) const {
    return std::string_view(keys_).substr(slot.offset, slot.length);
  }
  size_t LowerBound(uint32_t key_hash, std::string_view key) const;
  bool IsAt(size_t index, uint32_t key_hash, std::string_view key) const;
  void DropDeadKeys();

  std::vector<Slot> slots_;  // sorted by (key_hash, key)
  std::string keys_;
  size_t dead_bytes_ = 0;  // of erased keys, still in keys_
  uint32_t hash_ = 0;
};

}  // namespace topgun::crdt
