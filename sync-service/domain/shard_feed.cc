#include "domain/shard_feed.h"

#include <algorithm>
#include <utility>

namespace topgun::sync {

ShardFeed::Accepted ShardFeed::Accept(const FeedEntry& entry) {
  if (entry.position <= position_) return Accepted::kKnown;
  if (entry.view.is_marker && entry.position.incarnation > position_.incarnation) {
    const bool lost = entry.view.marker_tail != position_;
    Append(entry, lost);
    return lost ? Accepted::kNextAfterLoss : Accepted::kNext;
  }
  const state::Position next{position_.incarnation, position_.n + 1};
  if (entry.position != next) return Accepted::kGap;
  Append(entry, false);
  return Accepted::kNext;
}

void ShardFeed::Append(const FeedEntry& entry, bool gap) {
  const state::Position after = std::exchange(position_, entry.position);
  newest_ms_ = std::max(newest_ms_, entry.view.wall_ms);
  gap ? recent_.Clear(position_) : recent_.Add(entry);
  // A listener may leave while it is told.
  const std::vector<FeedListener*> listeners = listeners_;
  for (FeedListener* listener : listeners) listener->OnEntry(shard_, after, entry, gap);
}

void ShardFeed::JumpTo(const state::Position& position, int64_t wall_ms) {
  const state::Position after = std::exchange(position_, position);
  newest_ms_ = std::max(newest_ms_, wall_ms);
  recent_.Clear(position_);
  const std::vector<FeedListener*> listeners = listeners_;
  for (FeedListener* listener : listeners) listener->OnJump(shard_, after, position_);
}

void ShardFeed::SetPersisted(const state::Position& persisted) {
  if (persisted <= persisted_) return;
  persisted_ = persisted;
  const std::vector<FeedListener*> listeners = listeners_;
  for (FeedListener* listener : listeners) listener->OnPersisted(shard_, persisted_);
}

bool ShardFeed::VisitRecent(const state::Position& after,
                            const std::function<void(const FeedEntry&)>& visit) const {
  return after <= position_ && recent_.VisitAfter(after, visit);
}

void ShardFeed::AddListener(FeedListener* listener) { listeners_.push_back(listener); }

void ShardFeed::RemoveListener(FeedListener* listener) { std::erase(listeners_, listener); }

}  // namespace topgun::sync
