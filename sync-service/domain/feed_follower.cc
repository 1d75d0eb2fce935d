#include "domain/feed_follower.h"

#include <string>
#include <string_view>
#include <utility>

#include "logging/logging.h"

namespace topgun::sync {

void FeedFollower::CatchUp(const state::Position& tail, StatusCallback done) {
  if (position() >= tail) return done(OkStatus());
  constexpr size_t kEntriesPerRead = 256;
  store_.ReadFeed(
      position(), kEntriesPerRead,
      [this, tail, done = std::move(done)](StatusOr<std::vector<FeedRecord>> records) mutable {
        if (!records.ok()) return done(records.status());
        if (AcceptRecords(*records) || position() >= tail) return CatchUp(tail, std::move(done));
        // What lies between is trimmed or lost.
        Forget();
        JumpTo(tail, std::move(done));
      });
}

void FeedFollower::JumpTo(const state::Position& tail, StatusCallback done) {
  const state::Position before{tail.incarnation, tail.n - 1};
  store_.ReadFeed(before, 1,
                  [this, tail, done = std::move(done)](StatusOr<std::vector<FeedRecord>> last) {
                    if (!last.ok()) return done(last.status());
                    FeedEntry entry;
                    const bool known =
                        !last->empty() && entry.Decode(last->front().position, last->front().entry);
                    if (position() < tail) feed_.JumpTo(tail, known ? entry.view.wall_ms : 0);
                    done(OkStatus());
                  });
}

bool FeedFollower::AcceptRecords(const std::vector<FeedRecord>& records) {
  if (records.empty()) return false;
  probe_.FeedEntriesRead(records.size());
  FeedEntry entry;
  for (const FeedRecord& record : records) {
    if (!entry.Decode(record.position, record.entry)) {
      logging::Error("shard", "malformed feed entry skipped",
                     {{"shard", shard_}, {"position", state::ToString(record.position)}});
      return false;
    }
    switch (feed_.Accept(entry)) {
      case ShardFeed::Accepted::kNext:
        ApplyToCache(entry);
        break;
      case ShardFeed::Accepted::kNextAfterLoss:
        Forget();
        break;
      case ShardFeed::Accepted::kKnown:
        break;
      case ShardFeed::Accepted::kGap:
        return false;
    }
  }
  return true;
}

void FeedFollower::Forget() {
  probe_.FeedGap();
  cache_.Clear();
  rare_maps_ = {};
}

// The answers come in the order of the questions.
void FeedFollower::LearnRareMaps(StatusCallback done) {
  static const std::string dead_tags = state::MapId(state::CellKind::kOr, state::kDeadTagMap);
  static const std::string clamps = state::MapId(state::CellKind::kLww, state::kClampMap);
  rare_maps_ = {false, false};
  store_.KnowsMap(dead_tags, [this](const StatusOr<bool>& known) {
    rare_maps_.dead_tags = rare_maps_.dead_tags || !known.ok() || *known;
  });
  store_.KnowsMap(clamps, [this, done = std::move(done)](const StatusOr<bool>& known) {
    rare_maps_.clamps = rare_maps_.clamps || !known.ok() || *known;
    done(known.status());
  });
}

void FeedFollower::NoticeRareMaps(const FeedEntry& entry) {
  for (const std::string_view map : entry.view.maps) {
    if (map == state::kDeadTagMap) rare_maps_.dead_tags = true;
    if (map == state::kClampMap) rare_maps_.clamps = true;
  }
}

void FeedFollower::ApplyToCache(const FeedEntry& entry) {
  NoticeRareMaps(entry);
  const state::FeedEntryView& view = entry.view;
  // Markers, and commits without changes (a map was loaded), change Redis behind the feed.
  if (view.is_marker || view.changes.empty()) {
    cache_.Clear();
    return;
  }
  std::string id;
  for (const state::ChangeView& change : view.changes) {
    id.clear();
    AppendCellId(id, change.kind, view.maps[change.map],
                 state::CellField(change.kind, change.key, change.tag));
    const bool pruned = (change.flags & state::kChangePruned) != 0;
    cache_.Update(id, pruned ? std::string_view() : change.cell);
  }
}

void FeedFollower::AcceptCommit(const FeedEntry& entry) {
  feed_.Accept(entry);
  NoticeRareMaps(entry);
}

void FeedFollower::AcceptPrune(const FeedEntry& entry) {
  feed_.Accept(entry);
  ApplyToCache(entry);
}

void FeedFollower::CountCache() {
  probe_.CacheBytes(static_cast<int64_t>(cache_.bytes()) -
                    static_cast<int64_t>(cache_bytes_counted_));
  cache_bytes_counted_ = cache_.bytes();
}

}  // namespace topgun::sync
