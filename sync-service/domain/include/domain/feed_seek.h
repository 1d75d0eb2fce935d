// Finds the place in a shard's feed in Redis where a time begins.
//
// Entries are found by position only, but their times ascend with it (docs/journal.md): so the
// range in question is halved by reads of a few entries. Markers, and other entries without
// changes, are stamped by whoever wrote them and decide nothing. A place that is found too early
// costs its reader some entries, so in doubt it is. Called on the shard's loop.
#pragma once

#include <cstdint>

#include "domain/io.h"
#include "state/position.h"

namespace topgun::sync {

// By how much the clocks of the cluster's machines may differ.
inline constexpr int64_t kFeedClockSkewMs = 5'000;
// A range that is not larger is read instead of halved.
inline constexpr uint64_t kFeedSeekEntries = 256;

// A position in [low, high] before every change that was committed at or after `since_ms`. There is
// none before `low`, and `high` is in the feed or follows it. The store outlives the search.
void SeekFeed(ShardStore& store, const state::Position& low, const state::Position& high,
              int64_t since_ms, Callback<state::Position> callback);

}  // namespace topgun::sync
