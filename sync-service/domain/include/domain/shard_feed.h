// One shard's feed as this replica knows it: the position, a window of recent entries, and who
// listens.
//
// The position is also the tail the shard's commits believe in. Entries come from own commits and
// from reading Redis; Accept() is the only gap detector (docs/state-layout.md). Listeners are told
// of every accepted entry in order, on the shard's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "domain/feed_window.h"
#include "state/position.h"

namespace topgun::sync {

class FeedListener {
 public:
  virtual ~FeedListener() = default;
  // The feed moved from `after` to `entry.position`; the entry is valid during the call. With
  // `gap`, changes in between may have been missed, or changes seen before may have been lost by
  // Redis: whatever was derived from the shard must be derived again.
  virtual void OnEntry(uint32_t shard, const state::Position& after, const FeedEntry& entry,
                       bool gap) = 0;
  // The feed jumped to `upto` without entries; always a gap.
  virtual void OnJump(uint32_t shard, const state::Position& after,
                      const state::Position& upto) = 0;
  // ShardFeed::persisted() has moved.
  virtual void OnPersisted(uint32_t /*shard*/, const state::Position& /*persisted*/) {}
};

class ShardFeed {
 public:
  // `ring_bytes_max` is for the recent entries; 0: none is kept.
  ShardFeed(uint32_t shard, uint64_t ring_bytes_max) : shard_(shard), recent_(ring_bytes_max) {}

  const state::Position& position() const { return position_; }

  enum class Accepted : uint8_t {
    kNext,           // taken
    kNextAfterLoss,  // taken, but it follows a tail that is not ours
    kKnown,          // not newer than the position
    kGap,            // entries are missing before it
  };
  Accepted Accept(const FeedEntry& entry);
  // First position, or a jump over what cannot be read any more; `wall_ms`: when the entry there
  // was made, if that is known.
  void JumpTo(const state::Position& position, int64_t wall_ms = 0);
  // No entry so far was made later, as far as is known.
  int64_t newest_ms() const { return newest_ms_; }

  const FeedWindow& recent() const { return recent_; }
  size_t ring_entries() const { return recent_.entries(); }
  // Memory that the recent entries take.
  uint64_t ring_bytes() const { return recent_.held_bytes(); }
  size_t listener_count() const { return listeners_.size(); }

  // What Postgres is known to have. Never goes back: what was persisted once does not become
  // unpersisted because Redis forgot that it was told so.
  const state::Position& persisted() const { return persisted_; }
  void SetPersisted(const state::Position& persisted);

  // Visits the entries after `after` in order, each valid during its call; false, without a visit,
  // when what is kept does not reach back that far, or the position has not come there. A visit
  // must not move the feed.
  bool VisitRecent(const state::Position& after,
                   const std::function<void(const FeedEntry&)>& visit) const;

  void AddListener(FeedListener* listener);
  void RemoveListener(FeedListener* listener);
  bool has_listeners() const { return !listeners_.empty(); }

 private:
  void Append(const FeedEntry& entry, bool gap);

  uint32_t shard_;
  state::Position position_;
  state::Position persisted_;
  int64_t newest_ms_ = 0;
  FeedWindow recent_;  // up to position_
  std::vector<FeedListener*> listeners_;
};

}  // namespace topgun::sync
