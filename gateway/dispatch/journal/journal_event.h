// An event of the journal as it goes to clients: encoded once, however many receive it
// (features.md 6). Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dispatch/io.h"
#include "wire/journal.h"
#include "ws/outbound_queue.h"

namespace topgun::gateway {

struct JournalEvent {
  state::JournalSequence sequence;
  state::Position position;  // of its commit
  std::string map;
  wire::JournalType type = wire::JournalType::kPut;
  SharedBytes frame;  // JOURNAL_EVENT
  // Counts those that came to this loop.
  uint64_t number = 0;
  bool read_back = false;  // it came late, from a read

  size_t size() const { return map.size() + frame->size(); }
};
using JournalEventPtr = std::shared_ptr<const JournalEvent>;

wire::JournalType JournalTypeOf(const state::CellView& cell);
// What clients are told of the event; `sequence` is its number as text.
wire::JournalEventFrame JournalFrameOf(const JournalRecord& record, std::string_view sequence);

JournalEvent MakeJournalEvent(const JournalRecord& record);
// Null when the change is no event.
std::unique_ptr<JournalEvent> MakeJournalEvent(const Change& change);

}  // namespace topgun::gateway
