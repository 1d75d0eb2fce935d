// Bounded cache of one shard's cells, absent ones included.
//
// It never decides anything alone: a commit succeeds only if the shard's position is the one the
// cache is valid for (docs/adr/0001). Eviction is by generations: when the young one has used half
// of the budget it becomes the old one, and what was not touched since is dropped with the next
// turn. Owned by a Shard, used on its loop.
//
// Ids and cells lie one after the other in segments of a generation, found by a hash, so that a
// turn frees some hundred blocks and not two strings per cell while ops wait.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "base/status.h"
#include "state/keys.h"

namespace topgun::sync {

struct BytesHash {
  using is_transparent = void;
  size_t operator()(std::string_view bytes) const {
    return absl::Hash<absl::string_view>{}(ToAbsl(bytes));
  }
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};
template <typename V>
using BytesMap = absl::flat_hash_map<std::string, V, BytesHash, BytesEqual>;

// Identity of a cell inside its shard: kind, length-prefixed map, field. Appends to `out`.
void AppendCellId(std::string& out, state::CellKind kind, std::string_view map,
                  std::string_view field);

// A cell's id with its hash, which is asked for several times on an op's way. Borrows the id.
struct HashedId {
  template <std::convertible_to<std::string_view> Id>
  HashedId(const Id& id) : bytes(id), hash(BytesHash()(bytes)) {}  // NOLINT(*-explicit-*)
  HashedId(std::string_view id, size_t hash_in) : bytes(id), hash(hash_in) {}

  std::string_view bytes;
  size_t hash;
};

class CellCache {
 public:
  explicit CellCache(uint64_t bytes_max);

  // The encoded cell, empty for a cell known to be absent, nullopt when unknown. Valid until the
  // next call.
  std::optional<std::string_view> Find(HashedId id);
  void Put(HashedId id, std::string_view cell);
  // Only if the cell is cached.
  void Update(HashedId id, std::string_view cell);
  void Clear();

  // Held in segments and indexes.
  uint64_t bytes() const { return young_.bytes() + old_.bytes(); }

 private:
  struct Entry;
  struct SameHash {
    size_t operator()(size_t hash) const { return hash; }
  };

  // Two ids of one hash displace each other: it is a cache.
  class Generation {
   public:
    explicit Generation(uint64_t bytes_max);

    Entry* Find(const HashedId& id) const;
    Entry* Put(const HashedId& id, std::string_view cell);
    void Reserve(size_t entries) { index_.reserve(entries); }
    size_t size() const { return index_.size(); }
    uint64_t bytes() const;

   private:
    Entry* Append(std::string_view id, std::string_view cell);

    absl::flat_hash_map<size_t, Entry*, SameHash> index_;
    std::vector<std::unique_ptr<char[]>> segments_;
    size_t segment_size_;
    char* free_ = nullptr;  // of the last segment
    size_t free_bytes_ = 0;
    uint64_t segment_bytes_ = 0;
  };

  Entry* PutYoung(const HashedId& id, std::string_view cell);
  void Age();

  uint64_t generation_bytes_max_;
  Generation young_;
  Generation old_;
};

}  // namespace topgun::sync
