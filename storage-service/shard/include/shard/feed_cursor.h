// The only gap detector of a feed (docs/state-layout.md, "Contiguity"). Value; not thread-safe.
#pragma once

#include "state/feed_entry.h"
#include "state/position.h"

namespace topgun::storage {

enum class Step {
  kNext,     // the entry follows what was read before
  kRewound,  // a marker: Redis lost entries that were read here, which Postgres therefore has or
             // gets
  kGap,      // entries are missing
};

// What `position` is to a reader that has everything up to `read`. `marker_tail` is null for a
// commit.
inline Step NextStep(const state::Position& read, const state::Position& position,
                     const state::Position* marker_tail) {
  if (marker_tail == nullptr || position.incarnation <= read.incarnation) {
    const bool follows = position.incarnation == read.incarnation && position.n == read.n + 1;
    return follows ? Step::kNext : Step::kGap;
  }
  // Entries between `read` and the tail would have come before the marker, were they still there.
  if (*marker_tail > read) return Step::kGap;
  return *marker_tail == read ? Step::kNext : Step::kRewound;
}

}  // namespace topgun::storage
