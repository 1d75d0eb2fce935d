#include "domain/shard_feed.h"

#include <algorithm>
#include <utility>

namespace topgun::sync {

FeedEntryPtr MakeFeedEntry(const state::Position& position, std::string bytes, uint64_t trace) {
  auto entry = std::make_shared<FeedEntry>();
  entry->position = position;
  entry->bytes = std::move(bytes);
  entry->trace = trace;
  if (!state::DecodeFeedEntry(entry->bytes, &entry->view)) return nullptr;
  return entry;
}

ShardFeed::Accepted ShardFeed::Accept(const FeedEntryPtr& entry) {
  if (entry->position <= position_) return Accepted::kKnown;
  if (entry->view.is_marker && entry->position.incarnation > position_.incarnation) {
    const bool lost = entry->view.marker_tail != position_;
    Append(entry, lost);
    return lost ? Accepted::kNextAfterLoss : Accepted::kNext;
  }
  const state::Position next{position_.incarnation, position_.n + 1};
  if (entry->position != next) return Accepted::kGap;
  Append(entry, false);
  return Accepted::kNext;
}

void ShardFeed::Append(const FeedEntryPtr& entry, bool gap) {
  const state::Position after = std::exchange(position_, entry->position);
  if (gap) {
    ring_.clear();
    ring_bytes_ = 0;
    ring_start_ = position_;
  } else {
    ring_.push_back(entry);
    ring_bytes_ += entry->bytes.size();
    while (ring_bytes_ > ring_bytes_max_) {
      ring_bytes_ -= ring_.front()->bytes.size();
      ring_start_ = ring_.front()->position;
      ring_.pop_front();
    }
  }
  // A listener may leave while it is told.
  const std::vector<FeedListener*> listeners = listeners_;
  for (FeedListener* listener : listeners) listener->OnEntry(shard_, after, entry, gap);
}

void ShardFeed::JumpTo(const state::Position& position) {
  const state::Position after = std::exchange(position_, position);
  ring_.clear();
  ring_bytes_ = 0;
  ring_start_ = position_;
  const std::vector<FeedListener*> listeners = listeners_;
  for (FeedListener* listener : listeners) listener->OnJump(shard_, after, position_);
}

void ShardFeed::SetPersisted(const state::Position& persisted) {
  if (persisted <= persisted_) return;
  persisted_ = persisted;
  const std::vector<FeedListener*> listeners = listeners_;
  for (FeedListener* listener : listeners) listener->OnPersisted(shard_, persisted_);
}

bool ShardFeed::Recent(const state::Position& after, std::vector<FeedEntryPtr>* out) const {
  if (after < ring_start_ || after > position_) return false;
  const auto first = std::find_if(ring_.begin(), ring_.end(), [&](const FeedEntryPtr& entry) {
    return entry->position > after;
  });
  out->assign(first, ring_.end());
  return true;
}

void ShardFeed::AddListener(FeedListener* listener) { listeners_.push_back(listener); }

void ShardFeed::RemoveListener(FeedListener* listener) { std::erase(listeners_, listener); }

}  // namespace topgun::sync
