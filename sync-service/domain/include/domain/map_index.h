// The search index over the live records of one loop's part of an LWW map (features.md 7.2).
//
// It is behind by the keys that have changed since it was last brought up to date: noting one costs
// writes next to nothing, and a record that changes often is indexed once per search. In the
// beginning everything is behind. Catching up goes in slices, between which anything may happen.
//
// Owned by an LwwContent, which outlives it; used on its loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/node_hash_set.h"
#include "crdt/string_map.h"
#include "domain/cell_cache.h"
#include "domain/search_probe.h"
#include "search/search_index.h"

namespace topgun::sync {

class LwwContent;

class MapIndex {
 public:
  // Of values, and for each record, that one slice looks at.
  static constexpr size_t kSliceBytes = size_t{64} << 10;
  static constexpr size_t kRecordCost = 512;

  MapIndex(const LwwContent& content, SearchProbe& probe);
  ~MapIndex();
  MapIndex(const MapIndex&) = delete;
  MapIndex& operator=(const MapIndex&) = delete;

  // The record of the key has come, changed or gone.
  void Note(std::string_view key);

  // What has to be reached so that the index includes everything until now. Records that a TTL has
  // hidden are gone then.
  uint64_t Goal(int64_t now_ms);
  bool Reached(uint64_t goal) const { return complete() && done_ >= goal; }
  // One slice.
  void CatchUp(int64_t now_ms);

  const search::SearchIndex& index() const { return index_; }
  uint64_t bytes() const { return index_.bytes() + noted_bytes_ + expiry_bytes_; }
  int64_t last_goal_ms() const { return last_goal_ms_; }  // when somebody last wanted to search

 private:
  static constexpr size_t kLeafEnd = 4096;

  // All records have been looked at once.
  bool complete() const { return next_leaf_ == kLeafEnd && of_leaf_.empty(); }
  // These return what they cost.
  size_t IndexNextOfTree(int64_t now_ms);
  size_t IndexNoted(int64_t now_ms);
  size_t Index(const std::string& key, int64_t now_ms);
  void Expire(const std::string& key, double expires_ms);
  void CancelExpiry(const std::string& key);
  void Report();

  const LwwContent& content_;
  SearchProbe& probe_;
  search::SearchIndex index_;
  // The first look at all records: below which leaf of the tree it goes on, and what is left of the
  // leaf before it.
  size_t next_leaf_ = 0;
  std::deque<std::string> of_leaf_;
  absl::node_hash_set<std::string, BytesHash, BytesEqual> noted_;
  std::deque<const std::string*> queue_;  // of noted_, oldest first
  uint64_t done_ = 0;                     // keys that have left the queue
  uint64_t noted_bytes_ = 0;
  // When records of the index expire.
  crdt::StringMap<double> expiries_;
  std::set<std::pair<double, std::string_view>> by_time_;  // the keys are those of expiries_
  uint64_t expiry_bytes_ = 0;
  int64_t last_goal_ms_ = 0;
  uint64_t bytes_reported_ = 0;
};

}  // namespace topgun::sync
