#include "client_fields.h"

#include <utility>

namespace topgun::wire {
namespace {

using msgpack::Type;

// Capacity for ops kept between frames; one huge backlog must not pin its memory for ever.
constexpr size_t kOpsKeptMax = size_t{16} * 1024;

bool ReadQueryField(FrameReader& reader, std::string_view key, QuerySubFrame& frame) {
  if (Is(key, "where")) return reader.Raw("where", Type::kMap, &frame.where);
  if (Is(key, "predicate")) return reader.Raw("predicate", Type::kMap, &frame.predicate);
  if (Is(key, "sort")) return reader.Raw("sort", Type::kArray, Type::kMap, &frame.sort);
  if (Is(key, "limit")) return reader.Uint32("limit", &frame.limit);
  if (Is(key, "cursor")) return reader.Str("cursor", &frame.cursor);
  if (Is(key, "groupBy")) return reader.Raw("groupBy", Type::kArray, &frame.group_by);
  if (Is(key, "aggregations")) {
    return reader.Raw("aggregations", Type::kArray, &frame.aggregations);
  }
  return reader.Skip();
}

// Authentication never fails because of these two: an invalid token counts as none, the version is
// ignored (core.md 2.3, 2.5).
bool ReadDeviceToken(FrameReader& reader, std::optional<std::string_view>* out) {
  std::string_view token;
  const auto found = reader.TryStr(&token);
  out->reset();
  if (found == FrameReader::Found::kValue) *out = token;
  return found != FrameReader::Found::kBroken;
}

bool ReadVersion(FrameReader& reader, std::optional<int64_t>* out) {
  int64_t version = 0;
  const auto found = reader.TryWhole(kWholeMax, &version);
  out->reset();
  if (found == FrameReader::Found::kValue) *out = version;
  return found != FrameReader::Found::kBroken;
}

// Of two `query` keys the last one counts, so what an earlier one said is forgotten.
bool ReadQuery(FrameReader& reader, QuerySubFrame& frame) {
  QuerySubFrame fresh;
  fresh.query_id = frame.query_id;
  fresh.map = frame.map;
  fresh.fields = frame.fields;
  frame = fresh;
  if (reader.Peek() == Type::kNil) return reader.Skip();
  const size_t begin = reader.position();
  const bool read =
      reader.Map("query", [&](std::string_view key) { return ReadQueryField(reader, key, frame); });
  if (read) frame.query = reader.SliceFrom(begin);
  return read;
}

}  // namespace

bool ReadField(FrameReader& reader, std::string_view key, AuthFrame& frame) {
  if (Is(key, "token")) return reader.Str("token", &frame.token);
  if (Is(key, "deviceToken")) return ReadDeviceToken(reader, &frame.device_token);
  if (Is(key, "protocolVersion")) return ReadVersion(reader, &frame.protocol_version);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const AuthFrame& frame) {
  return reader.Require(frame.token, "token");
}

bool ReadField(FrameReader& reader, std::string_view key, DeviceHelloFrame& frame) {
  if (Is(key, "deviceToken")) return ReadDeviceToken(reader, &frame.device_token);
  return reader.Skip();
}

void Clear(PingFields& fields) { fields.timestamp.reset(); }

bool ReadField(FrameReader& reader, std::string_view key, PingFields& fields) {
  if (Is(key, "timestamp")) return reader.Number("timestamp", &fields.timestamp);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const PingFields& fields) {
  fields.frame->timestamp = fields.timestamp.value_or(0);
  return reader.Require(fields.timestamp.has_value(), "timestamp");
}

bool ReadField(FrameReader& reader, std::string_view key, BatchFrame& frame) {
  if (Is(key, "data")) return reader.Bin("data", &frame.data);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const BatchFrame& frame) {
  return reader.Require(frame.data, "data");
}

bool ReadField(FrameReader& reader, std::string_view key, PartitionMapRequestFrame& frame) {
  if (Is(key, "currentVersion")) return reader.Whole("currentVersion", &frame.current_version);
  return reader.Skip();
}

bool ReadPayload(FrameReader& reader, ClientOpFrame& frame) {
  frame.op = {};
  return ReadOp(reader, std::nullopt, frame.op);
}

bool Complete(FrameReader& reader, const ClientOpFrame& frame) {
  return reader.Require(frame.op.map, "payload");
}

void Clear(OpBatchFields& fields) {
  OpBatchFrame& frame = *fields.frame;
  frame.ops.clear();
  if (frame.ops.capacity() > kOpsKeptMax) frame.ops.shrink_to_fit();
  frame.write_concern.reset();
  frame.timeout_ms.reset();
  frame.error.clear();
  fields = {&frame, false, {}, {}};
}

bool ReadField(FrameReader& reader, std::string_view key, OpBatchFields& fields) {
  OpBatchFrame& frame = *fields.frame;
  if (Is(key, "ops")) {
    frame.ops.clear();
    fields.has_ops = reader.Peek() == Type::kArray;
    return reader.Array(
        "ops", [&](uint32_t index) { return ReadOp(reader, index, frame.ops.emplace_back()); });
  }
  if (Is(key, "writeConcern")) {
    return ReadWriteConcern(reader, &frame.write_concern, &fields.concern_problem);
  }
  if (Is(key, "timeout")) return ReadTimeout(reader, &frame.timeout_ms, &fields.timeout_problem);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const OpBatchFields& fields) {
  std::string& error = fields.frame->error;
  if (!fields.concern_problem.empty()) {
    error.append("writeConcern: ").append(fields.concern_problem);
  } else if (!fields.timeout_problem.empty()) {
    error.append("timeout: ").append(fields.timeout_problem);
  }
  return reader.Require(fields.has_ops, "ops");
}

bool ReadField(FrameReader& reader, std::string_view key, QuerySubFrame& frame) {
  if (Is(key, "queryId")) return reader.Str("queryId", &frame.query_id);
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "query")) return ReadQuery(reader, frame);
  if (Is(key, "fields")) return reader.Raw("fields", Type::kArray, &frame.fields);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const QuerySubFrame& frame) {
  return reader.Require(frame.query_id, "queryId") && reader.Require(frame.map, "mapName") &&
         reader.Require(frame.query, "query");
}

bool ReadField(FrameReader& reader, std::string_view key, QueryUnsubFrame& frame) {
  if (Is(key, "queryId")) return reader.Str("queryId", &frame.query_id);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const QueryUnsubFrame& frame) {
  return reader.Require(frame.query_id, "queryId");
}

}  // namespace topgun::wire
