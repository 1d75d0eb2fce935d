#include "journal_fields.h"

#include "absent_fields.h"
#include "record_reader.h"

namespace topgun::wire {
namespace {

bool ReadJournalType(FrameReader& reader, std::string_view field, JournalType* out) {
  std::string_view word;
  if (!reader.Str(field, &word)) return false;
  const std::optional<JournalType> type = JournalTypeOf(word);
  if (!type) return reader.Fail(DecodeError::kBadField, field);
  *out = *type;
  return true;
}

bool ReadJournalTypes(FrameReader& reader, uint8_t* out) {
  *out = 0;
  return reader.Array("types", [&](uint32_t) {
    JournalType type{};
    if (!ReadJournalType(reader, "types", &type)) return false;
    *out = static_cast<uint8_t>(*out | static_cast<uint8_t>(type));
    return true;
  });
}

bool ReadEventTimestamp(FrameReader& reader, crdt::TimestampView* out) {
  TimestampField timestamp;
  if (!ReadTimestamp(reader, &timestamp)) return false;
  if (!timestamp.problem.empty()) return reader.Fail(DecodeError::kBadField, "timestamp");
  *out = timestamp.value;
  return true;
}

// Everything of an event is in one map.
bool ReadEvent(FrameReader& reader, std::string_view field, JournalEventFrame* out) {
  *out = {};
  const bool read = reader.Map(field, [&](std::string_view key) {
    if (Is(key, "sequence")) return reader.Str("sequence", &out->sequence);
    if (Is(key, "type")) return ReadJournalType(reader, "type", &out->type);
    if (Is(key, "mapName")) return reader.Str("mapName", &out->map);
    if (Is(key, "key")) return reader.Str("key", &out->key);
    if (Is(key, "timestamp")) return ReadEventTimestamp(reader, &out->timestamp);
    if (!Is(key, "value")) return reader.Skip();
    out->value = {};
    return reader.TryRaw(&out->value) != FrameReader::Found::kBroken;
  });
  return read && Complete(reader, *out);
}

}  // namespace

bool ReadField(FrameReader& reader, std::string_view key, JournalSubscribeFrame& frame) {
  if (Is(key, "requestId")) return reader.Str("requestId", &frame.request_id);
  if (Is(key, "fromSequence")) return reader.Str("fromSequence", &frame.from_sequence);
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "types")) return ReadJournalTypes(reader, &frame.types);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const JournalSubscribeFrame& frame) {
  return reader.Require(frame.request_id, "requestId");
}

bool ReadField(FrameReader& reader, std::string_view key, JournalUnsubscribeFrame& frame) {
  if (Is(key, "subscriptionId")) return reader.Str("subscriptionId", &frame.subscription_id);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const JournalUnsubscribeFrame& frame) {
  return reader.Require(frame.subscription_id, "subscriptionId");
}

bool ReadField(FrameReader& reader, std::string_view key, JournalReadFrame& frame) {
  if (Is(key, "requestId")) return reader.Str("requestId", &frame.request_id);
  if (Is(key, "fromSequence")) return reader.Str("fromSequence", &frame.from_sequence);
  if (Is(key, "limit")) return reader.Uint32("limit", &frame.limit);
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const JournalReadFrame& frame) {
  return reader.Require(frame.request_id, "requestId") &&
         reader.Require(frame.from_sequence, "fromSequence");
}

bool ReadField(FrameReader& reader, std::string_view key, JournalEventFrame& frame) {
  return Is(key, "event") ? ReadEvent(reader, "event", &frame) : reader.Skip();
}

bool Complete(FrameReader& reader, const JournalEventFrame& frame) {
  return reader.Require(frame.sequence, "sequence") && reader.Require(frame.map, "mapName") &&
         reader.Require(frame.key, "key") && reader.Require(frame.timestamp.node_id, "timestamp");
}

void Clear(JournalReadResponseFrame& frame) {
  frame.request_id = {};
  frame.events.clear();
  frame.has_more = false;
}

bool ReadField(FrameReader& reader, std::string_view key, JournalReadResponseFrame& frame) {
  if (Is(key, "requestId")) return reader.Str("requestId", &frame.request_id);
  if (Is(key, "hasMore")) return ReadBool(reader, "hasMore", &frame.has_more);
  if (!Is(key, "events")) return reader.Skip();
  frame.events.clear();
  return reader.Array("events", [&](uint32_t) {
    return ReadEvent(reader, "events", &frame.events.emplace_back());
  });
}

bool Complete(FrameReader& reader, const JournalReadResponseFrame& frame) {
  return reader.Require(frame.request_id, "requestId");
}

}  // namespace topgun::wire
