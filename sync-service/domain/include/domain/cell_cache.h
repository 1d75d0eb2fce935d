// Bounded cache of one shard's cells, absent ones included.
//
// It never decides anything alone: a commit succeeds only if the shard's position is the one the
// cache is valid for (docs/adr/0001). Eviction is by generations: when the young one has used half
// of the budget it becomes the old one, and what was not touched since is dropped with the next
// turn. Owned by a Shard, used on its loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

class CellCache {
 public:
  explicit CellCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // The encoded cell, an empty string for a cell known to be absent, nullptr when unknown. Valid
  // until the next call.
  const std::string* Find(std::string_view cell_id);
  void Put(std::string_view cell_id, std::string_view cell);
  // Only if the cell is cached.
  void Update(std::string_view cell_id, std::string_view cell);
  void Clear();

  uint64_t bytes() const { return young_bytes_ + old_bytes_; }
  size_t size() const { return young_.size() + old_.size(); }

 private:
  using Generation = BytesMap<std::string>;

  void Age();

  uint64_t bytes_max_;
  uint64_t young_bytes_ = 0;
  uint64_t old_bytes_ = 0;
  Generation young_;
  Generation old_;
};

}  // namespace topgun::sync
