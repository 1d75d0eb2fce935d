// Holds events of the journal back for a while, so that those of different shards leave in the
// order of their sequences.
//
// Time is counted in calls of TakeDue(), one per tick of the loop. Owned by a Journal; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "dispatch/journal/journal_event.h"

namespace topgun::gateway {

class HoldBack {
 public:
  // An event leaves with the second one: after one to two ticks.
  static constexpr uint64_t kTicksHeld = 2;

  explicit HoldBack(size_t bytes_max) : bytes_max_(bytes_max) {}

  // An event that is held already is not taken twice.
  void Add(JournalEventPtr event);
  // Ends a tick. Takes out what was held long enough, with everything that comes before one of
  // those, and the first ones beyond the limit of bytes; ascending.
  std::vector<JournalEventPtr> TakeDue();

  size_t bytes() const { return bytes_; }
  bool overfull() const { return bytes_ > bytes_max_; }
  bool empty() const { return held_.empty(); }

 private:
  struct Held {
    JournalEventPtr event;
    uint64_t tick = 0;
  };

  const size_t bytes_max_;
  std::map<state::JournalSequence, Held> held_;
  size_t bytes_ = 0;
  uint64_t tick_ = 0;
};

}  // namespace topgun::gateway
