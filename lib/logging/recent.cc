#include "logging/recent.h"

#include <algorithm>
#include <utility>

#include "json_line.h"

namespace topgun::logging {

void RecentLines::Add(Level level, std::string_view component, std::string_view message,
                      std::string members, int64_t now_ms) {
  if (members.size() > kMembersBytesMax) members = JsonMembers(component, message, {});
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const RecentEntry& entry) {
    return entry.level == level && entry.component == component && entry.message == message;
  });
  RecentEntry entry;
  entry.first_ms = now_ms;
  entry.level = level;
  entry.component = component;
  entry.message = message;
  if (known != entries_.end()) {
    entry = std::move(*known);
    entries_.erase(known);
  }
  entry.last_ms = now_ms;
  entry.members = std::move(members);
  ++entry.lines;
  entries_.push_front(std::move(entry));
  if (entries_.size() > entries_max_) entries_.pop_back();
}

std::vector<RecentEntry> RecentLines::Newest() const {
  const std::lock_guard lock(mutex_);
  return {entries_.begin(), entries_.end()};
}

}  // namespace topgun::logging
