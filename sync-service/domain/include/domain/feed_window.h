// The entries of one shard's feed that came last, as bytes: whoever missed a few is told them
// without asking Redis.
//
// Entries are read rarely and come all the time, so their bytes are kept one behind the other in a
// ByteRing and decoded again by whoever wants them: a window takes no more memory than it may, and
// none is allocated or freed once it is full. Owned by a ShardFeed, used on its loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "domain/byte_ring.h"
#include "state/feed_entry.h"
#include "state/position.h"

namespace topgun::sync {

// An entry and its decoded view. Both point into bytes that somebody else keeps.
struct FeedEntry {
  state::Position position;
  std::string_view bytes;
  state::FeedEntryView view;
  uint64_t trace = 0;  // of a followed part that may be in it (lib/hops); 0: none

  // Reuses the view's capacity. False when the bytes are malformed.
  bool Decode(const state::Position& at, std::string_view entry, uint64_t followed = 0);
};

class FeedWindow {
 public:
  // `bytes_max` is what it may hold, with all that it needs itself.
  explicit FeedWindow(uint64_t bytes_max) : ring_(bytes_max) {}

  // Forgets everything; the window begins after `start`.
  void Clear(const state::Position& start);
  // The next entry, in place of as many of the oldest ones as it needs. One that is too large is
  // not kept, and no older one either.
  void Add(const FeedEntry& entry);

  // Visits the entries after `after` in order, each valid during its call; false, without a visit,
  // when the window does not reach back that far. A visit must not change the window.
  bool VisitAfter(const state::Position& after,
                  const std::function<void(const FeedEntry&)>& visit) const;

  // Visits the entries after `after` that were made at or after the wall clock `since_ms`, in
  // order, until a visit returns false: then this does, too. A visit must not change the window.
  bool VisitSince(const state::Position& after, int64_t since_ms,
                  const std::function<bool(const FeedEntry&)>& visit) const;

  // Everything after it is there.
  const state::Position& start() const { return start_; }
  // When the oldest entry was made; nothing while there is none.
  std::optional<int64_t> oldest_ms() const;
  size_t entries() const { return entries_; }
  // Memory taken.
  uint64_t held_bytes() const { return ring_.held_bytes(); }

 private:
  // What stands before an entry's bytes.
  struct Header {
    state::Position position;
    uint64_t trace = 0;
    int64_t wall_ms = 0;
    uint64_t size = 0;
  };

  Header HeaderAt(uint64_t address) const;
  void DropOldest();

  ByteRing ring_;
  size_t entries_ = 0;
  state::Position start_;  // everything in (start_, newest] is there
};

}  // namespace topgun::sync
