#include "wire/server_encode.h"

#include "encode.h"

namespace topgun::wire {

using msgpack::Writer;

namespace {

// QUERY_UPDATE.payload: queryId in the prefix; key, value and changeType in the suffix.
constexpr uint32_t kQueryUpdateFields = 4;

void EncodeAck(FrameType type, const AuthAckFrame& frame, std::string& out) {
  Writer writer(out);
  BeginFlat(writer, type, CountOf(frame.user_id, frame.device_id, frame.device_token));
  WriteStr(writer, "userId", frame.user_id);
  WriteStr(writer, "deviceId", frame.device_id);
  WriteStr(writer, "deviceToken", frame.device_token);
}

void WriteEvent(Writer& writer, const EventView& event) {
  const bool has_tag = event.kind == OpKind::kOrRemove;
  writer.MapHeader(3 + CountOf(event.record, event.or_record) + (has_tag ? 1 : 0));
  WriteStr(writer, "mapName", event.map);
  WriteStr(writer, "eventType", Name(event.kind));
  WriteStr(writer, "key", event.key);
  if (event.record) {
    writer.Str("record");
    WriteLwwRecord(writer, *event.record);
  }
  if (event.or_record) {
    writer.Str("orRecord");
    WriteOrRecord(writer, *event.or_record);
  }
  if (has_tag) WriteStr(writer, "orTag", event.or_tag);
}

void EncodeRoot(FrameType type, const SyncRootFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, type, 3 + CountOf(frame.covering_epoch, frame.full_resync));
  WriteStr(writer, "mapName", frame.map);
  WriteInt(writer, "rootHash", frame.root_hash);
  writer.Str("timestamp");
  WriteTimestamp(writer, frame.timestamp);
  WriteInt(writer, "coveringEpoch", frame.covering_epoch);
  if (frame.full_resync) {
    writer.Str("fullResync");
    writer.Bool(*frame.full_resync);
  }
}

void EncodeBuckets(FrameType type, const SyncBucketsFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, type, 3);
  WriteStr(writer, "mapName", frame.map);
  WriteStr(writer, "path", frame.path);
  writer.Str("buckets");
  WriteBuckets(writer, frame.buckets);
}

void WritePartitionNode(Writer& writer, const PartitionNode& node) {
  writer.MapHeader(3);
  WriteStr(writer, "nodeId", node.node_id);
  writer.Str("endpoints");
  writer.MapHeader(1 + CountOf(node.http));
  WriteStr(writer, "websocket", node.websocket);
  WriteStr(writer, "http", node.http);
  WriteStr(writer, "status", node.status);
}

void WritePartition(Writer& writer, const Partition& partition) {
  writer.MapHeader(3);
  WriteInt(writer, "partitionId", partition.id);
  WriteStr(writer, "ownerNodeId", partition.owner);
  writer.Str("backupNodeIds");
  writer.ArrayHeader(static_cast<uint32_t>(partition.backups.size()));
  for (const std::string_view backup : partition.backups) writer.Str(backup);
}

}  // namespace

void EncodeAuthRequired(std::string& out) {
  Writer writer(out);
  BeginFlat(writer, FrameType::kAuthRequired, 0);
}

void EncodeAuthAck(const AuthAckFrame& frame, std::string& out) {
  EncodeAck(FrameType::kAuthAck, frame, out);
}

void EncodeDeviceAck(const AuthAckFrame& frame, std::string& out) {
  EncodeAck(FrameType::kDeviceAck, frame, out);
}

void EncodeAuthFail(const AuthFailFrame& frame, std::string& out) {
  Writer writer(out);
  BeginFlat(writer, FrameType::kAuthFail, CountOf(frame.error, frame.code));
  WriteStr(writer, "error", frame.error);
  WriteInt(writer, "code", frame.code);
}

void EncodePong(const PongFrame& frame, std::string& out) {
  Writer writer(out);
  BeginFlat(writer, FrameType::kPong, 2);
  WriteNumber(writer, "timestamp", frame.timestamp);
  WriteNumber(writer, "serverTime", frame.server_time);
}

void EncodePongWrapped(const PongFrame& frame, std::string& out) {
  std::string inner;
  EncodePong(frame, inner);
  Writer(out).Bin(inner);
}

void EncodeError(const ErrorFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kError, frame.details.empty() ? 2 : 3);
  WriteInt(writer, "code", frame.code);
  WriteStr(writer, "message", frame.message);
  if (!frame.details.empty()) {
    writer.Str("details");
    writer.Raw(frame.details);
  }
}

void EncodeOpAck(const OpAckFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kOpAck,
               1 + CountOf(frame.achieved_level) + (frame.results.empty() ? 0 : 1));
  WriteStr(writer, "lastId", frame.last_id);
  if (frame.achieved_level) WriteStr(writer, "achievedLevel", Name(*frame.achieved_level));
  if (!frame.results.empty()) WriteOpResults(writer, frame.results);
}

void EncodeOpRejected(const OpRejectedFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kOpRejected, 2 + CountOf(frame.code));
  WriteStr(writer, "opId", frame.op_id);
  WriteStr(writer, "reason", frame.reason);
  WriteInt(writer, "code", frame.code);
}

void EncodeMergeRejected(const MergeRejectedFrame& frame, std::string& out) {
  Writer writer(out);
  BeginFlat(writer, FrameType::kMergeRejected, 5);
  WriteStr(writer, "mapName", frame.map);
  WriteStr(writer, "key", frame.key);
  writer.Str("attemptedValue");
  WriteValue(writer, frame.attempted_value);
  WriteStr(writer, "reason", frame.reason);
  writer.Str("timestamp");
  WriteTimestamp(writer, frame.timestamp);
}

void EncodeServerEvent(const EventView& event, std::string& out) {
  Writer writer(out);
  BeginFlat(writer, FrameType::kServerEvent, 1);
  writer.Str("payload");
  WriteEvent(writer, event);
}

void EncodeServerBatchEvent(std::span<const EventView> events, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kServerBatchEvent, 1);
  writer.Str("events");
  writer.ArrayHeader(static_cast<uint32_t>(events.size()));
  for (const EventView& event : events) WriteEvent(writer, event);
}

void EncodeGcPrune(const crdt::TimestampView& older_than, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kGcPrune, 1);
  writer.Str("olderThan");
  WriteTimestamp(writer, older_than);
}

void EncodeQueryResp(const QueryRespFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kQueryResp,
               2 + (frame.has_more ? 1 : 0) +
                   CountOf(frame.next_cursor, frame.cursor_status, frame.error, frame.code));
  WriteStr(writer, "queryId", frame.query_id);
  writer.Str("results");
  writer.ArrayHeader(static_cast<uint32_t>(frame.results.size()));
  for (const QueryRow& row : frame.results) {
    writer.MapHeader(2);
    WriteStr(writer, "key", row.key);
    writer.Str("value");
    WriteValue(writer, row.value);
  }
  WriteStr(writer, "nextCursor", frame.next_cursor);
  if (frame.has_more) {
    writer.Str("hasMore");
    writer.Bool(true);
  }
  WriteStr(writer, "cursorStatus", frame.cursor_status);
  WriteStr(writer, "error", frame.error);
  WriteStr(writer, "code", frame.code);
}

void EncodeQueryUpdatePrefix(std::string_view query_id, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kQueryUpdate, kQueryUpdateFields);
  WriteStr(writer, "queryId", query_id);
}

void EncodeQueryUpdateSuffix(std::string_view key, std::string_view value, ChangeType change,
                             std::string& out) {
  Writer writer(out);
  WriteStr(writer, "key", key);
  writer.Str("value");
  WriteValue(writer, value);
  WriteStr(writer, "changeType", Name(change));
}

void EncodeQueryUpdate(const QueryUpdateFrame& frame, std::string& out) {
  EncodeQueryUpdatePrefix(frame.query_id, out);
  EncodeQueryUpdateSuffix(frame.key, frame.value, frame.change, out);
}

void EncodeSyncRespRoot(const SyncRootFrame& frame, std::string& out) {
  EncodeRoot(FrameType::kSyncRespRoot, frame, out);
}

void EncodeOrMapSyncRespRoot(const SyncRootFrame& frame, std::string& out) {
  EncodeRoot(FrameType::kOrMapSyncRespRoot, frame, out);
}

void EncodeSyncRespBuckets(const SyncBucketsFrame& frame, std::string& out) {
  EncodeBuckets(FrameType::kSyncRespBuckets, frame, out);
}

void EncodeOrMapSyncRespBuckets(const SyncBucketsFrame& frame, std::string& out) {
  EncodeBuckets(FrameType::kOrMapSyncRespBuckets, frame, out);
}

void EncodeSyncRespLeaf(const SyncLeafFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kSyncRespLeaf, 3);
  WriteStr(writer, "mapName", frame.map);
  WriteStr(writer, "path", frame.path);
  writer.Str("records");
  writer.ArrayHeader(static_cast<uint32_t>(frame.records.size()));
  for (const LwwEntry& entry : frame.records) {
    writer.MapHeader(2);
    WriteStr(writer, "key", entry.key);
    writer.Str("record");
    WriteLwwRecord(writer, entry.record);
  }
}

void EncodeSyncResetRequired(const SyncResetRequiredFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kSyncResetRequired, 2);
  WriteStr(writer, "mapName", frame.map);
  WriteStr(writer, "reason", frame.reason);
}

void EncodeOrMapSyncRespLeaf(const OrMapLeafFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kOrMapSyncRespLeaf, 3 + CountOf(frame.covering_epoch));
  WriteStr(writer, "mapName", frame.map);
  WriteStr(writer, "path", frame.path);
  writer.Str("entries");
  WriteOrEntries(writer, frame.entries);
  WriteInt(writer, "coveringEpoch", frame.covering_epoch);
}

void EncodeOrMapDiffResponse(const OrMapLeafFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kOrMapDiffResponse, 2 + CountOf(frame.covering_epoch));
  WriteStr(writer, "mapName", frame.map);
  writer.Str("entries");
  WriteOrEntries(writer, frame.entries);
  WriteInt(writer, "coveringEpoch", frame.covering_epoch);
}

void EncodePartitionMap(const PartitionMapFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kPartitionMap, 5);
  WriteInt(writer, "version", frame.version);
  WriteInt(writer, "partitionCount", frame.partition_count);
  writer.Str("nodes");
  writer.ArrayHeader(static_cast<uint32_t>(frame.nodes.size()));
  for (const PartitionNode& node : frame.nodes) WritePartitionNode(writer, node);
  writer.Str("partitions");
  writer.ArrayHeader(static_cast<uint32_t>(frame.partitions.size()));
  for (const Partition& partition : frame.partitions) WritePartition(writer, partition);
  WriteNumber(writer, "generatedAt", frame.generated_at);
}

void EncodeCounterResponse(const CounterFrame& frame, std::string& out) {
  Writer writer(out);
  WriteCounter(writer, FrameType::kCounterResponse, frame);
}

void EncodeCounterUpdate(const CounterFrame& frame, std::string& out) {
  Writer writer(out);
  WriteCounter(writer, FrameType::kCounterUpdate, frame);
}

void EncodeLockGranted(const LockGrantedFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kLockGranted, 3);
  WriteStr(writer, "requestId", frame.request_id);
  WriteStr(writer, "name", frame.name);
  WriteInt(writer, "fencingToken", frame.fencing_token);
}

void EncodeLockReleased(const LockReleasedFrame& frame, std::string& out) {
  Writer writer(out);
  BeginWrapped(writer, FrameType::kLockReleased, 3);
  WriteStr(writer, "requestId", frame.request_id);
  WriteStr(writer, "name", frame.name);
  writer.Str("success");
  writer.Bool(frame.success);
}

}  // namespace topgun::wire
