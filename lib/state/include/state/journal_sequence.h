// Where an event stands in the journal, and which changes are events (docs/journal.md). Values; any
// thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "state/cell.h"
#include "state/keys.h"

namespace topgun::state {

// A decimal number of which each part has its digits: whoever sees an event, in a shard's feed or
// in a cell of it, computes the same one.
struct JournalSequence {
  uint64_t commit_ms = 0;
  uint32_t shard = 0;  // below kShardCountMax
  uint64_t n = 0;      // of the commit
  uint32_t index = 0;  // of the change in its feed entry

  friend auto operator<=>(const JournalSequence&, const JournalSequence&) = default;
};

JournalSequence SequenceOf(const CellView& cell, uint32_t shard, uint32_t index);
// The least one above.
JournalSequence After(JournalSequence sequence);

std::string SequenceText(const JournalSequence& sequence);
// Text that is no decimal number counts as 0; a number that no event has is as good as the next.
JournalSequence ParseJournalSequence(std::string_view text);

// Whether a change is an event: of a cell that clients see, and made by somebody.
bool InJournal(CellKind kind, uint8_t change_flags, std::string_view map);

}  // namespace topgun::state
