#include <array>

#include "encode.h"
#include "wire/journal.h"

namespace topgun::wire {

using msgpack::Rendering;
using msgpack::Writer;

namespace {

constexpr std::array kJournalTypes = {JournalType::kPut, JournalType::kUpdate,
                                      JournalType::kDelete};

void WriteJournalTypes(Writer& writer, uint8_t types) {
  writer.Str("types");
  uint32_t count = 0;
  for (const JournalType type : kJournalTypes) {
    if ((types & static_cast<uint8_t>(type)) != 0) ++count;
  }
  writer.ArrayHeader(count);
  for (const JournalType type : kJournalTypes) {
    if ((types & static_cast<uint8_t>(type)) != 0) writer.Str(Name(type));
  }
}

void WriteJournalEvent(Writer& writer, const JournalEventFrame& event) {
  writer.MapHeader(event.value.empty() ? 6 : 7);
  WriteStr(writer, "sequence", event.sequence);
  WriteStr(writer, "type", Name(event.type));
  WriteStr(writer, "mapName", event.map);
  WriteStr(writer, "key", event.key);
  if (!event.value.empty()) {
    writer.Str("value");
    writer.Raw(event.value);
  }
  writer.Str("timestamp");
  WriteTimestamp(writer, event.timestamp);
  WriteStr(writer, "nodeId", event.timestamp.node_id);
}

}  // namespace

std::string_view Name(JournalType type) {
  switch (type) {
    case JournalType::kPut:
      return "PUT";
    case JournalType::kUpdate:
      return "UPDATE";
    case JournalType::kDelete:
      return "DELETE";
  }
  return "";
}

std::optional<JournalType> JournalTypeOf(std::string_view name) {
  for (const JournalType type : kJournalTypes) {
    if (Name(type) == name) return type;
  }
  return std::nullopt;
}

void EncodeJournalEvent(const JournalEventFrame& frame, std::string& out) {
  Writer writer(out);
  BeginFlat(writer, FrameType::kJournalEvent, 1);
  writer.Str("event");
  WriteJournalEvent(writer, frame);
}

void EncodeJournalReadResponse(const JournalReadResponseFrame& frame, std::string& out) {
  Writer writer(out);
  BeginFlat(writer, FrameType::kJournalReadResponse, 3);
  WriteStr(writer, "requestId", frame.request_id);
  writer.Str("events");
  writer.ArrayHeader(static_cast<uint32_t>(frame.events.size()));
  for (const JournalEventFrame& event : frame.events) WriteJournalEvent(writer, event);
  writer.Str("hasMore");
  writer.Bool(frame.has_more);
}

void EncodeJournalSubscribe(const JournalSubscribeFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kJournalSubscribe,
            1 + CountOf(frame.from_sequence, frame.map) + (frame.types == 0 ? 0 : 1));
  WriteStr(writer, "requestId", frame.request_id);
  WriteStr(writer, "fromSequence", frame.from_sequence);
  WriteStr(writer, "mapName", frame.map);
  if (frame.types != 0) WriteJournalTypes(writer, frame.types);
}

void EncodeJournalUnsubscribe(const JournalUnsubscribeFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kJournalUnsubscribe, 1);
  WriteStr(writer, "subscriptionId", frame.subscription_id);
}

void EncodeJournalRead(const JournalReadFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kJournalRead, 2 + CountOf(frame.limit, frame.map));
  WriteStr(writer, "requestId", frame.request_id);
  WriteStr(writer, "fromSequence", frame.from_sequence);
  if (frame.limit) WriteInt(writer, "limit", int64_t{*frame.limit});
  WriteStr(writer, "mapName", frame.map);
}

}  // namespace topgun::wire
