// The last warnings and errors of the process, for those who look at it and have no log at hand.
//
// Safe from any thread. Lines of one component with one message are one entry that counts them, so
// that a message that repeats does not push out the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "logging/logging.h"

namespace topgun::logging {

struct RecentEntry {
  int64_t first_ms = 0;  // of the Unix epoch
  int64_t last_ms = 0;
  Level level = Level::kWarning;
  std::string component;
  std::string message;
  std::string members;  // of the last line, as members of a JSON object: component, msg, fields
  uint64_t lines = 0;
};

class RecentLines {
 public:
  static constexpr size_t kMembersBytesMax = 2'048;  // longer: without the fields

  explicit RecentLines(size_t entries_max) : entries_max_(entries_max) {}

  // Beyond the limit, the entry that has been silent for longest goes.
  void Add(Level level, std::string_view component, std::string_view message, std::string members,
           int64_t now_ms);
  // The last one first.
  std::vector<RecentEntry> Newest() const;

 private:
  const size_t entries_max_;
  mutable std::mutex mutex_;
  std::deque<RecentEntry> entries_;  // the last one in front
};

inline constexpr size_t kRecentMax = 50;

// Those that Log() has written.
std::vector<RecentEntry> Recent();

}  // namespace topgun::logging
