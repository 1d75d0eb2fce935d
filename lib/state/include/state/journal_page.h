// Pieces of the journal and how they become one: what shards, loops and replicas have each looked
// through is merged in the order of the sequences (docs/journal.md). Values; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "state/journal_sequence.h"

namespace topgun::state {

// An Event has a member `sequence` and a function BytesOf(const Event&).
template <typename Event>
struct JournalPage {
  std::vector<Event> events;  // ascending
  // Every event below it that was asked for is there; nothing: none lies beyond.
  std::optional<JournalSequence> next;
};

struct JournalPageLimits {
  size_t events_max = 0;
  size_t bytes_max = 0;  // one event is there even if it alone has more
};

// Parts of different shards.
template <typename Event>
JournalPage<Event> MergePages(std::vector<JournalPage<Event>> parts,
                              const JournalPageLimits& limits) {
  JournalPage<Event> merged;
  for (const JournalPage<Event>& part : parts) {
    if (part.next && (!merged.next || *part.next < *merged.next)) merged.next = part.next;
  }
  std::vector<Event>& events = merged.events;
  for (JournalPage<Event>& part : parts) {
    for (Event& event : part.events) {
      // Other parts may lack some that come before it.
      if (merged.next && event.sequence >= *merged.next) continue;
      events.push_back(std::move(event));
    }
  }
  std::sort(events.begin(), events.end(),
            [](const Event& a, const Event& b) { return a.sequence < b.sequence; });
  size_t kept = 0;
  for (size_t bytes = 0; kept < events.size() && kept < limits.events_max; ++kept) {
    bytes += BytesOf(events[kept]);
    if (bytes > limits.bytes_max && kept > 0) break;
  }
  if (kept == events.size()) return merged;
  merged.next = events[kept].sequence;
  events.erase(events.begin() + static_cast<std::ptrdiff_t>(kept), events.end());
  return merged;
}

}  // namespace topgun::state
