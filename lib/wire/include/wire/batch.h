// The envelope clients may put around several messages (core.md 1.5): BATCH.data towards the
// server is a row of [u32 big-endian length][message]. Values; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace topgun::wire {

// More complete items than this: nothing is processed, ERROR 413.
inline constexpr size_t kBatchItemsMax = 8192;

// Walks the complete items; a truncated length or item ends the walk.
class BatchWalker {
 public:
  explicit BatchWalker(std::string_view data) : rest_(data) {}

  bool Next(std::string_view* item);

 private:
  std::string_view rest_;
};

// Complete items that are really there, whatever `count` says: the cost for the rate limit.
size_t CountBatchItems(std::string_view data);

void AppendBatchItem(std::string_view item, std::string& data);

}  // namespace topgun::wire
