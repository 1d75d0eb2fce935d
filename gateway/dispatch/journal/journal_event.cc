#include "dispatch/journal/journal_event.h"

#include <utility>

namespace topgun::gateway {

wire::JournalType JournalTypeOf(const state::CellView& cell) {
  return cell.tombstone ? wire::JournalType::kDelete : wire::JournalType::kPut;
}

wire::JournalEventFrame JournalFrameOf(const JournalRecord& record, std::string_view sequence) {
  return {.sequence = sequence,
          .type = JournalTypeOf(record.cell),
          .map = record.map,
          .key = record.key,
          .value = record.cell.value,
          .timestamp = record.cell.timestamp};
}

JournalEvent MakeJournalEvent(const JournalRecord& record) {
  JournalEvent event;
  event.sequence = record.sequence;
  event.position = record.cell.version;
  event.map.assign(record.map);
  event.type = JournalTypeOf(record.cell);
  std::string frame;
  wire::EncodeJournalEvent(JournalFrameOf(record, state::SequenceText(record.sequence)), frame);
  event.frame = std::make_shared<const std::string>(std::move(frame));
  return event;
}

std::unique_ptr<JournalEvent> MakeJournalEvent(const Change& change) {
  if (!state::InJournal(change.kind, 0, change.map)) return nullptr;
  JournalRecord record{.sequence = {}, .map = change.map, .key = change.key, .cell = {}};
  if (!state::DecodeCell(change.cell, &record.cell)) return nullptr;
  record.sequence = state::SequenceOf(record.cell, change.shard, change.index);
  return std::make_unique<JournalEvent>(MakeJournalEvent(record));
}

}  // namespace topgun::gateway
