// One shard's feed as this replica knows it: the position, a ring of recent entries, and who
// listens.
//
// The position is also the tail the shard's commits believe in. Entries come from own commits and
// from reading Redis; Accept() is the only gap detector (docs/state-layout.md). Listeners are told
// of every accepted entry in order, on the shard's loop.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "state/feed_entry.h"
#include "state/position.h"

namespace topgun::sync {

// An entry and its decoded view.
struct FeedEntry {
  state::Position position;
  std::string bytes;
  state::FeedEntryView view;  // points into bytes
  uint64_t trace = 0;         // of a followed part that may be in it (lib/hops); 0: none
};
using FeedEntryPtr = std::shared_ptr<const FeedEntry>;

// nullptr when the bytes are malformed.
FeedEntryPtr MakeFeedEntry(const state::Position& position, std::string bytes, uint64_t trace = 0);

class FeedListener {
 public:
  virtual ~FeedListener() = default;
  // The feed moved from `after` to `entry->position`. With `gap`, changes in between may have been
  // missed, or changes seen before may have been lost by Redis: whatever was derived from the shard
  // must be derived again.
  virtual void OnEntry(uint32_t shard, const state::Position& after, const FeedEntryPtr& entry,
                       bool gap) = 0;
  // The feed jumped to `upto` without entries; always a gap.
  virtual void OnJump(uint32_t shard, const state::Position& after,
                      const state::Position& upto) = 0;
  // ShardFeed::persisted() has moved.
  virtual void OnPersisted(uint32_t /*shard*/, const state::Position& /*persisted*/) {}
};

class ShardFeed {
 public:
  ShardFeed(uint32_t shard, uint64_t ring_bytes_max)
      : shard_(shard), ring_bytes_max_(ring_bytes_max) {}

  const state::Position& position() const { return position_; }

  enum class Accepted : uint8_t {
    kNext,           // taken
    kNextAfterLoss,  // taken, but it follows a tail that is not ours
    kKnown,          // not newer than the position
    kGap,            // entries are missing before it
  };
  Accepted Accept(const FeedEntryPtr& entry);
  // First position, or a jump over what cannot be read any more.
  void JumpTo(const state::Position& position);

  size_t ring_entries() const { return ring_.size(); }
  uint64_t ring_bytes() const { return ring_bytes_; }
  size_t listener_count() const { return listeners_.size(); }

  // What Postgres is known to have. Never goes back: what was persisted once does not become
  // unpersisted because Redis forgot that it was told so.
  const state::Position& persisted() const { return persisted_; }
  void SetPersisted(const state::Position& persisted);

  // The entries after `after` that are still in the ring, or false when the ring does not reach
  // back that far.
  bool Recent(const state::Position& after, std::vector<FeedEntryPtr>* out) const;

  void AddListener(FeedListener* listener);
  void RemoveListener(FeedListener* listener);
  bool has_listeners() const { return !listeners_.empty(); }

 private:
  void Append(const FeedEntryPtr& entry, bool gap);

  uint32_t shard_;
  uint64_t ring_bytes_max_;
  uint64_t ring_bytes_ = 0;
  state::Position position_;
  state::Position ring_start_;  // the ring holds everything in (ring_start_, position_]
  state::Position persisted_;
  std::deque<FeedEntryPtr> ring_;
  std::vector<FeedListener*> listeners_;
};

}  // namespace topgun::sync
