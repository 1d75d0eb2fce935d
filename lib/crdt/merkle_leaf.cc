#include "merkle_leaf.h"

#include <algorithm>
#include <utility>

#include "crdt/hash.h"

namespace topgun::crdt {

size_t MerkleLeaf::LowerBound(uint32_t key_hash, std::string_view key) const {
  const auto before = [this, key](const Slot& slot, uint32_t hash) {
    return slot.key_hash != hash ? slot.key_hash < hash : KeyOf(slot) < key;
  };
  const auto found = std::lower_bound(slots_.begin(), slots_.end(), key_hash, before);
  return static_cast<size_t>(found - slots_.begin());
}

bool MerkleLeaf::IsAt(size_t index, uint32_t key_hash, std::string_view key) const {
  return index < slots_.size() && slots_[index].key_hash == key_hash && KeyOf(slots_[index]) == key;
}

bool MerkleLeaf::Set(uint32_t key_hash, std::string_view key, uint32_t item_hash) {
  const size_t index = LowerBound(key_hash, key);
  hash_ += Mix(item_hash);
  if (IsAt(index, key_hash, key)) {
    hash_ -= Mix(slots_[index].item_hash);
    slots_[index].item_hash = item_hash;
    return false;
  }
  const Slot slot{key_hash, item_hash, static_cast<uint32_t>(keys_.size()),
                  static_cast<uint32_t>(key.size())};
  keys_.append(key);
  slots_.insert(slots_.begin() + static_cast<std::ptrdiff_t>(index), slot);
  return true;
}

bool MerkleLeaf::Erase(uint32_t key_hash, std::string_view key) {
  const size_t index = LowerBound(key_hash, key);
  if (!IsAt(index, key_hash, key)) return false;
  hash_ -= Mix(slots_[index].item_hash);
  dead_bytes_ += slots_[index].length;
  slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(index));
  if (dead_bytes_ > keys_.size() / 2) DropDeadKeys();
  return true;
}

std::optional<uint32_t> MerkleLeaf::Find(uint32_t key_hash, std::string_view key) const {
  const size_t index = LowerBound(key_hash, key);
  if (!IsAt(index, key_hash, key)) return std::nullopt;
  return slots_[index].item_hash;
}

void MerkleLeaf::DropDeadKeys() {
  std::string live;
  live.reserve(keys_.size() - dead_bytes_);
  for (Slot& slot : slots_) {
    const std::string_view key = KeyOf(slot);
    slot.offset = static_cast<uint32_t>(live.size());
    live.append(key);
  }
  keys_ = std::move(live);
  dead_bytes_ = 0;
}

}  // namespace topgun::crdt
