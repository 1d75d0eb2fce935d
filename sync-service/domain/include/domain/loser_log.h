// The last writes of each map that lost against another one, so that a person can look at them and
// write one of them again.
//
// Soft state of one shard on one replica: gone with the process, and only what this replica merged.
// Bounded per map, in maps and in bytes; the oldest goes first. Costs nothing while nothing loses.
// Owned by a Shard, used on its loop.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/timestamp.h"
#include "domain/cell_cache.h"
#include "domain/conflicts.h"

namespace topgun::sync {

struct Loser {
  std::string key;
  std::string value;  // MessagePack; empty for a removal
  crdt::Timestamp timestamp;
  crdt::Timestamp winner;
  int64_t lost_at_ms = 0;
  std::optional<double> ttl_ms = std::nullopt;
};

struct LoserLimits {
  size_t per_map = 100;
  size_t maps = 1000;
  uint64_t bytes_max = 1u << 20;
};

class LoserLog {
 public:
  explicit LoserLog(LoserLimits limits) : limits_(limits) {}

  // A write that is in the record already (its client sends it again) is not added twice; one that
  // would take more than an eighth of the memory is left out.
  void Add(const LostWrite& lost, int64_t now_ms);

  // Newest first; of one key, if one is given.
  std::vector<Loser> List(std::string_view map,
                          std::optional<std::string_view> key = std::nullopt) const;
  uint64_t bytes() const { return bytes_; }
  size_t map_count() const { return by_map_.size(); }

 private:
  struct Entry {
    std::string map;
    Loser loser;
  };
  using Entries = std::list<Entry>;

  static uint64_t Cost(const LostWrite& lost);
  static uint64_t Cost(const Entry& entry);
  // The oldest of its map.
  void Drop(Entries::iterator entry);

  const LoserLimits limits_;
  Entries entries_;  // oldest first
  BytesMap<std::deque<Entries::iterator>> by_map_;
  uint64_t bytes_ = 0;
};

}  // namespace topgun::sync
