#include "feed_replies.h"

namespace topgun::storage {
namespace {

using redis::ReplyView;

// [id, [name, value, ...]]. False when it is none of ours.
bool ParseEntry(const ReplyView& view, FeedEntry* entry) {
  const std::optional<Position> position = state::ParsePosition(view[0].str());
  if (!position) return false;
  entry->position = *position;
  const ReplyView fields = view[1];
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].str() == "e") entry->bytes = fields[i + 1].str();
    if (fields[i].str() == "b") {
      entry->cumulative_bytes = static_cast<uint64_t>(fields[i + 1].integer());
    }
  }
  return true;
}

}  // namespace

FeedChunk ParseChunk(const FeedPoint& point, const ReplyView& entries) {
  FeedChunk chunk{point, {}};
  chunk.entries.reserve(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    FeedEntry entry;
    if (ParseEntry(entries[i], &entry)) chunk.entries.push_back(entry);
  }
  return chunk;
}

}  // namespace topgun::storage
