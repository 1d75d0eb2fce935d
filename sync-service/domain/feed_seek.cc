#include "domain/feed_seek.h"

#include <utility>
#include <vector>

#include "domain/feed_window.h"

namespace topgun::sync {
namespace {

constexpr size_t kEntriesPerLook = 4;

struct Range {
  state::Position low;
  state::Position high;
};

// Cuts the range by what stands behind its middle.
void Narrow(const std::vector<FeedRecord>& records, const state::Position& middle, int64_t since_ms,
            Range& range) {
  FeedEntry entry;
  for (const FeedRecord& record : records) {
    if (record.position > range.high || !entry.Decode(record.position, record.entry)) break;
    if (entry.view.is_marker && entry.view.marker_tail < middle) {
      // The middle was counted in a later incarnation than that of the entries there.
      range.high = std::max(range.low, entry.view.marker_tail);
      return;
    }
    if (entry.view.changes.empty()) continue;
    if (entry.view.wall_ms >= since_ms) break;
    range.low = record.position;
    return;
  }
  range.high = middle;
}

void Halve(ShardStore& store, Range range, int64_t since_ms, Callback<state::Position> callback) {
  if (range.high.n <= range.low.n + kFeedSeekEntries) return callback(range.low);
  const state::Position middle{range.high.incarnation,
                               range.low.n + (range.high.n - range.low.n) / 2};
  store.ReadFeed(middle, kEntriesPerLook,
                 [&store, range, middle, since_ms, callback = std::move(callback)](
                     StatusOr<std::vector<FeedRecord>> records) mutable {
                   if (!records.ok()) return callback(records.status());
                   Narrow(*records, middle, since_ms, range);
                   Halve(store, range, since_ms, std::move(callback));
                 });
}

}  // namespace

void SeekFeed(ShardStore& store, const state::Position& low, const state::Position& high,
              int64_t since_ms, Callback<state::Position> callback) {
  Halve(store, {low, high}, since_ms - kFeedClockSkewMs, std::move(callback));
}

}  // namespace topgun::sync
