#include "server_fields.h"

#include "absent_fields.h"

namespace topgun::wire {

namespace {

// Any value; nil is empty.
bool ReadValue(FrameReader& reader, std::string_view* out) {
  *out = {};
  return reader.TryRaw(out) != FrameReader::Found::kBroken;
}

// Words this build does not know are as good as none.
bool ReadLevel(FrameReader& reader, std::optional<WriteConcern>* out) {
  std::string_view word;
  if (!reader.Str("achievedLevel", &word)) return false;
  *out = WriteConcernOf(word);
  return true;
}

bool ReadOpResult(FrameReader& reader, OpResult* out) {
  return reader.Map("results", [&](std::string_view key) {
    if (Is(key, "opId")) return reader.Str("opId", &out->op_id);
    if (Is(key, "success")) return ReadBool(reader, "success", &out->success);
    if (Is(key, "error")) return reader.Str("error", &out->error);
    if (Is(key, "achievedLevel")) {
      std::optional<WriteConcern> level;
      if (!ReadLevel(reader, &level)) return false;
      out->achieved_level = level.value_or(WriteConcern::kFireAndForget);
      return true;
    }
    return reader.Skip();
  });
}

}  // namespace

bool ReadField(FrameReader& reader, std::string_view, AuthRequiredFields&) { return reader.Skip(); }

bool ReadField(FrameReader& reader, std::string_view key, AuthAckFrame& frame) {
  if (Is(key, "userId")) return reader.Str("userId", &frame.user_id);
  if (Is(key, "deviceId")) return reader.Str("deviceId", &frame.device_id);
  if (Is(key, "deviceToken")) return reader.Str("deviceToken", &frame.device_token);
  return reader.Skip();
}

bool ReadField(FrameReader& reader, std::string_view key, AuthFailFrame& frame) {
  if (Is(key, "error")) return reader.Str("error", &frame.error);
  if (Is(key, "code")) return reader.Whole("code", &frame.code);
  return reader.Skip();
}

bool ReadField(FrameReader& reader, std::string_view key, PongFrame& frame) {
  if (Is(key, "timestamp")) return ReadNumber(reader, "timestamp", &frame.timestamp);
  if (Is(key, "serverTime")) return ReadNumber(reader, "serverTime", &frame.server_time);
  return reader.Skip();
}

bool ReadField(FrameReader& reader, std::string_view key, ErrorFrame& frame) {
  if (Is(key, "code")) return ReadWhole(reader, "code", &frame.code);
  if (Is(key, "message")) return reader.Str("message", &frame.message);
  if (Is(key, "details")) return ReadValue(reader, &frame.details);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const ErrorFrame& frame) {
  return reader.Require(frame.message, "message");
}

void Clear(OpAckFrame& frame) {
  frame.last_id = {};
  frame.achieved_level.reset();
  frame.results.clear();
}

bool ReadField(FrameReader& reader, std::string_view key, OpAckFrame& frame) {
  if (Is(key, "lastId")) return reader.Str("lastId", &frame.last_id);
  if (Is(key, "achievedLevel")) return ReadLevel(reader, &frame.achieved_level);
  if (Is(key, "results")) {
    frame.results.clear();
    return reader.Array(
        "results", [&](uint32_t) { return ReadOpResult(reader, &frame.results.emplace_back()); });
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const OpAckFrame& frame) {
  return reader.Require(frame.last_id, "lastId");
}

bool ReadField(FrameReader& reader, std::string_view key, OpRejectedFrame& frame) {
  if (Is(key, "opId")) return reader.Str("opId", &frame.op_id);
  if (Is(key, "reason")) return reader.Str("reason", &frame.reason);
  if (Is(key, "code")) return reader.Whole("code", &frame.code);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const OpRejectedFrame& frame) {
  return reader.Require(frame.op_id, "opId");
}

bool ReadField(FrameReader& reader, std::string_view key, EventView& event) {
  if (Is(key, "mapName")) return reader.Str("mapName", &event.map);
  if (Is(key, "key")) return reader.Str("key", &event.key);
  if (Is(key, "orTag")) return reader.Str("orTag", &event.or_tag);
  if (Is(key, "eventType")) {
    std::string_view word;
    if (!reader.Str("eventType", &word)) return false;
    const std::optional<OpKind> kind = OpKindOf(word);
    if (!kind) return reader.Fail(DecodeError::kBadField, "eventType");
    event.kind = *kind;
    return true;
  }
  if (Is(key, "record")) return ReadLwwRecord(reader, "record", &event.record.emplace());
  if (Is(key, "orRecord")) {
    RecordField record;
    if (!ReadRecord(reader, &record)) return false;
    event.or_record = ToOrRecord(record);
    return event.or_record || reader.Fail(DecodeError::kBadField, "orRecord");
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const EventView& event) {
  return reader.Require(event.map, "mapName") && reader.Require(event.key, "key");
}

void Clear(QueryRespFrame& frame) {
  std::vector<QueryRow> rows = std::move(frame.results);
  rows.clear();
  frame = {};
  frame.results = std::move(rows);
}

bool ReadField(FrameReader& reader, std::string_view key, QueryRespFrame& frame) {
  if (Is(key, "queryId")) return reader.Str("queryId", &frame.query_id);
  if (Is(key, "results")) {
    frame.results.clear();
    return reader.Array("results", [&](uint32_t) {
      QueryRow& row = frame.results.emplace_back();
      return reader.Map("results", [&](std::string_view field) {
        if (Is(field, "key")) return reader.Str("key", &row.key);
        if (Is(field, "value")) return ReadValue(reader, &row.value);
        return reader.Skip();
      });
    });
  }
  if (Is(key, "nextCursor")) return reader.Str("nextCursor", &frame.next_cursor);
  if (Is(key, "hasMore")) return ReadBool(reader, "hasMore", &frame.has_more);
  if (Is(key, "cursorStatus")) return reader.Str("cursorStatus", &frame.cursor_status);
  if (Is(key, "error")) return reader.Str("error", &frame.error);
  if (Is(key, "code")) return reader.Str("code", &frame.code);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const QueryRespFrame& frame) {
  return reader.Require(frame.query_id, "queryId");
}

bool ReadField(FrameReader& reader, std::string_view key, QueryUpdateFrame& frame) {
  if (Is(key, "queryId")) return reader.Str("queryId", &frame.query_id);
  if (Is(key, "key")) return reader.Str("key", &frame.key);
  if (Is(key, "value")) return ReadValue(reader, &frame.value);
  if (Is(key, "changeType")) {
    std::string_view word;
    if (!reader.Str("changeType", &word)) return false;
    const std::optional<ChangeType> change = ChangeTypeOf(word);
    if (!change) return reader.Fail(DecodeError::kBadField, "changeType");
    frame.change = *change;
    return true;
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const QueryUpdateFrame& frame) {
  return reader.Require(frame.query_id, "queryId") && reader.Require(frame.key, "key");
}

}  // namespace topgun::wire
