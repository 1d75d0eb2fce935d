#include "server_fields.h"

namespace topgun::wire {

namespace {

bool ReadNumber(FrameReader& reader, std::string_view field, double* out) {
  std::optional<double> number;
  if (!reader.Number(field, &number)) return false;
  *out = number.value_or(0);
  return true;
}

bool ReadWhole(FrameReader& reader, std::string_view field, int64_t* out) {
  std::optional<int64_t> number;
  if (!reader.Whole(field, &number)) return false;
  *out = number.value_or(0);
  return true;
}

bool ReadUint32(FrameReader& reader, std::string_view field, uint32_t* out) {
  std::optional<uint32_t> number;
  if (!reader.Uint32(field, &number)) return false;
  *out = number.value_or(0);
  return true;
}

bool ReadBool(FrameReader& reader, std::string_view field, bool* out) {
  std::optional<bool> value;
  if (!reader.Bool(field, &value)) return false;
  *out = value.value_or(false);
  return true;
}

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

bool ReadLwwRecord(FrameReader& reader, std::string_view field, LwwRecordView* out) {
  RecordField record;
  if (!ReadRecord(reader, &record)) return false;
  const auto valid = ToLwwRecord(record);
  if (!valid) return reader.Fail(DecodeError::kBadField, field);
  *out = *valid;
  return true;
}

bool ReadPartitionNode(FrameReader& reader, PartitionNode* out) {
  return reader.Map("nodes", [&](std::string_view key) {
    if (Is(key, "nodeId")) return reader.Str("nodeId", &out->node_id);
    if (Is(key, "status")) return reader.Str("status", &out->status);
    if (!Is(key, "endpoints")) return reader.Skip();
    return reader.Map("endpoints", [&](std::string_view kind) {
      if (Is(kind, "websocket")) return reader.Str("websocket", &out->websocket);
      if (Is(kind, "http")) return reader.Str("http", &out->http);
      return reader.Skip();
    });
  });
}

bool ReadPartition(FrameReader& reader, Partition* out) {
  return reader.Map("partitions", [&](std::string_view key) {
    if (Is(key, "partitionId")) return ReadUint32(reader, "partitionId", &out->id);
    if (Is(key, "ownerNodeId")) return reader.Str("ownerNodeId", &out->owner);
    if (!Is(key, "backupNodeIds")) return reader.Skip();
    return reader.Array("backupNodeIds", [&](uint32_t) {
      return reader.Str("backupNodeIds", &out->backups.emplace_back());
    });
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

bool ReadField(FrameReader& reader, std::string_view key, SyncRootFrame& frame) {
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "rootHash")) return ReadUint32(reader, "rootHash", &frame.root_hash);
  if (Is(key, "timestamp")) {
    TimestampField timestamp;
    if (!ReadTimestamp(reader, &timestamp)) return false;
    frame.timestamp = timestamp.value;
    return timestamp.problem.empty() || reader.Fail(DecodeError::kBadField, "timestamp");
  }
  if (Is(key, "coveringEpoch")) return reader.Whole("coveringEpoch", &frame.covering_epoch);
  if (Is(key, "fullResync")) return reader.Bool("fullResync", &frame.full_resync);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const SyncRootFrame& frame) {
  return reader.Require(frame.map, "mapName");
}

void Clear(SyncBucketsFrame& frame) {
  frame.map = {};
  frame.path = {};
  frame.buckets.clear();
}

bool ReadField(FrameReader& reader, std::string_view key, SyncBucketsFrame& frame) {
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "path")) return reader.Str("path", &frame.path);
  if (Is(key, "buckets")) return ReadBuckets(reader, "buckets", &frame.buckets);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const SyncBucketsFrame& frame) {
  return reader.Require(frame.map, "mapName") && reader.Require(frame.path, "path");
}

void Clear(SyncLeafFrame& frame) {
  frame.map = {};
  frame.path = {};
  frame.records.clear();
}

bool ReadField(FrameReader& reader, std::string_view key, SyncLeafFrame& frame) {
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "path")) return reader.Str("path", &frame.path);
  if (Is(key, "records")) {
    frame.records.clear();
    return reader.Array("records", [&](uint32_t) {
      LwwEntry& entry = frame.records.emplace_back();
      return reader.Map("records", [&](std::string_view field) {
        if (Is(field, "key")) return reader.Str("key", &entry.key);
        if (Is(field, "record")) return ReadLwwRecord(reader, "record", &entry.record);
        return reader.Skip();
      });
    });
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const SyncLeafFrame& frame) {
  return reader.Require(frame.map, "mapName") && reader.Require(frame.path, "path");
}

void Clear(OrMapLeafFrame& frame) {
  frame.map = {};
  frame.path = {};
  frame.entries.Clear();
  frame.covering_epoch.reset();
}

bool ReadField(FrameReader& reader, std::string_view key, OrMapLeafFrame& frame) {
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "path")) return reader.Str("path", &frame.path);
  if (Is(key, "coveringEpoch")) return reader.Whole("coveringEpoch", &frame.covering_epoch);
  if (Is(key, "entries")) {
    size_t invalid_records = 0;
    if (!OrEntryReader().ReadAll(reader, &frame.entries, &invalid_records)) return false;
    return invalid_records == 0 || reader.Fail(DecodeError::kBadField, "entries");
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const OrMapLeafFrame& frame) {
  return reader.Require(frame.map, "mapName");
}

bool ReadField(FrameReader& reader, std::string_view key, SyncResetRequiredFrame& frame) {
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "reason")) return reader.Str("reason", &frame.reason);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const SyncResetRequiredFrame& frame) {
  return reader.Require(frame.map, "mapName");
}

void Clear(PartitionMapFrame& frame) {
  frame.version = 0;
  frame.partition_count = 0;
  frame.nodes.clear();
  frame.partitions.clear();
  frame.generated_at = 0;
}

bool ReadField(FrameReader& reader, std::string_view key, PartitionMapFrame& frame) {
  if (Is(key, "version")) return ReadWhole(reader, "version", &frame.version);
  if (Is(key, "partitionCount")) {
    return ReadUint32(reader, "partitionCount", &frame.partition_count);
  }
  if (Is(key, "generatedAt")) return ReadNumber(reader, "generatedAt", &frame.generated_at);
  if (Is(key, "nodes")) {
    frame.nodes.clear();
    return reader.Array(
        "nodes", [&](uint32_t) { return ReadPartitionNode(reader, &frame.nodes.emplace_back()); });
  }
  if (Is(key, "partitions")) {
    frame.partitions.clear();
    return reader.Array("partitions", [&](uint32_t) {
      return ReadPartition(reader, &frame.partitions.emplace_back());
    });
  }
  return reader.Skip();
}

}  // namespace topgun::wire
