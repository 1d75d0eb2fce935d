// What one replica knows of a shard from its feed: the position it has reached, copies of cells
// that are valid there, and which rare maps exist.
//
// CatchUp() reads entries from Redis; own commits and prunes are told by AcceptCommit() and
// AcceptPrune(). Whatever cannot be followed, a gap or a loss, empties the copies, so that they
// never contradict the position. Owned by a Shard, used on its loop; store and probe outlive it.
//
// Limits: bytes of copies, bytes of recent entries, entries per read.
#pragma once

#include <cstdint>
#include <vector>

#include "domain/cell_cache.h"
#include "domain/io.h"
#include "domain/probe.h"
#include "domain/shard_feed.h"

namespace topgun::sync {

class FeedFollower {
 public:
  struct Limits {
    uint64_t ring_bytes_max = 0;
    uint64_t cache_bytes_max = 0;
  };
  // Maps of the system that would have to be looked up for every op of some kind if they had cells,
  // which they rarely do: whether they may have any, true at every position at which they do.
  struct RareMaps {
    bool dead_tags = true;
    bool clamps = true;
  };

  FeedFollower(uint32_t shard, Limits limits, ShardStore& store, Probe& probe)
      : shard_(shard),
        store_(store),
        probe_(probe),
        feed_(shard, limits.ring_bytes_max),
        cache_(limits.cache_bytes_max) {}

  ShardFeed& feed() { return feed_; }
  const ShardFeed& feed() const { return feed_; }
  CellCache& cache() { return cache_; }
  const CellCache& cache() const { return cache_; }
  const state::Position& position() const { return feed_.position(); }
  const RareMaps& rare_maps() const { return rare_maps_; }

  // Reads entries until the position reaches `tail`; jumps there when what lies between is trimmed
  // or lost. Fails as the read did.
  void CatchUp(const state::Position& tail, StatusCallback done);
  // Goes to `tail` without the entries before it; of the last one it learns when it was made. Does
  // nothing when the position has come there. Fails as the read did.
  void JumpTo(const state::Position& tail, StatusCallback done);
  // Asks Redis which of the rare maps exist. What is committed after the question is told by the
  // feed.
  void LearnRareMaps(StatusCallback done);

  // The entry of an own commit, whose new cells the batch puts into the cache.
  void AcceptCommit(const FeedEntry& entry);
  // The entry of an own prune: its cells are gone from the cache as well.
  void AcceptPrune(const FeedEntry& entry);

  // Reports by how much the bytes of copies have changed since the last call.
  void CountCache();

 private:
  // False when the feed cannot be followed from here.
  bool AcceptRecords(const std::vector<FeedRecord>& records);
  void ApplyToCache(const FeedEntry& entry);
  void NoticeRareMaps(const FeedEntry& entry);
  // Nothing is known of what has been missed.
  void Forget();

  const uint32_t shard_;
  ShardStore& store_;
  Probe& probe_;
  ShardFeed feed_;
  CellCache cache_;
  uint64_t cache_bytes_counted_ = 0;
  RareMaps rare_maps_;
};

}  // namespace topgun::sync
