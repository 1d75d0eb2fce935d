#include "wire/client_encode.h"

#include "encode.h"
#include "wire/batch.h"

namespace topgun::wire {

using msgpack::Rendering;
using msgpack::Writer;

namespace {

crdt::OrRecordView OrRecordOf(const Op& op) {
  return {op.value, op.timestamp, op.tag, op.has_ttl, op.ttl_ms};
}

// The pair that carries the operation's content.
void WriteContent(Writer& writer, const Op& op) {
  switch (op.kind) {
    case OpKind::kPut:
    case OpKind::kRemove:
      writer.Str("record");
      if (!op.has_timestamp) return writer.Nil();
      return WriteLwwRecord(writer, {op.value, op.timestamp, op.has_ttl, op.ttl_ms});
    case OpKind::kOrAdd:
      writer.Str("orRecord");
      return WriteOrRecord(writer, OrRecordOf(op));
    case OpKind::kOrRemove:
      return WriteStr(writer, "orTag", op.tag);
    case OpKind::kNothing:
      return;
  }
}

void WriteOp(Writer& writer, const Op& op, OpLayout layout) {
  const bool library = layout == OpLayout::kLibrary;
  const bool timestamp = library && op.has_timestamp;
  const uint32_t fields = 3 + (op.has_id ? 1U : 0U) + (op.kind == OpKind::kNothing ? 0U : 1U) +
                          (timestamp ? 1U : 0U) + (library ? 1U : 0U) +
                          CountOf(op.write_concern, op.timeout_ms);
  writer.MapHeader(fields);
  if (op.has_id && !library) WriteStr(writer, "id", op.id);
  WriteStr(writer, "mapName", op.map);
  WriteStr(writer, "opType", Name(op.kind));
  WriteStr(writer, "key", op.key);
  WriteContent(writer, op);
  if (timestamp) {
    writer.Str("timestamp");
    WriteTimestamp(writer, op.timestamp);
  }
  if (library) {
    writer.Str("synced");
    writer.Bool(false);
  }
  if (op.write_concern) WriteStr(writer, "writeConcern", Name(*op.write_concern));
  if (op.timeout_ms) WriteNumber(writer, "timeout", *op.timeout_ms);
  if (op.has_id && library) WriteStr(writer, "id", op.id);
}

void EncodeBucketRequest(FrameType type, const MerkleReqBucketFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, type, 2);
  WriteStr(writer, "mapName", frame.map);
  WriteStr(writer, "path", frame.path);
}

}  // namespace

void EncodeAuth(const AuthFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kAuth, 1 + CountOf(frame.device_token, frame.protocol_version));
  WriteStr(writer, "token", frame.token);
  WriteStr(writer, "deviceToken", frame.device_token);
  WriteInt(writer, "protocolVersion", frame.protocol_version);
}

void EncodeDeviceHello(const DeviceHelloFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kDeviceHello, CountOf(frame.device_token));
  WriteStr(writer, "deviceToken", frame.device_token);
}

void EncodePing(const PingFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kPing, 1);
  WriteNumber(writer, "timestamp", frame.timestamp);
}

void EncodeBatch(const BatchFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kBatch, 2);
  WriteInt(writer, "count", static_cast<int64_t>(CountBatchItems(frame.data)));
  writer.Str("data");
  writer.Bin(frame.data);
}

void EncodeClientOp(const Op& op, std::string& out, OpLayout layout) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kClientOp, 1);
  writer.Str("payload");
  WriteOp(writer, op, layout);
}

void EncodeOpBatch(const OpBatchFrame& frame, std::string& out, OpLayout layout) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kOpBatch, 1 + CountOf(frame.write_concern, frame.timeout_ms));
  writer.Str("ops");
  writer.ArrayHeader(static_cast<uint32_t>(frame.ops.size()));
  for (const Op& op : frame.ops) WriteOp(writer, op, layout);
  if (frame.write_concern) WriteStr(writer, "writeConcern", Name(*frame.write_concern));
  if (frame.timeout_ms) WriteNumber(writer, "timeout", *frame.timeout_ms);
}

void EncodeQuerySub(const QuerySubFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kQuerySub, frame.fields.empty() ? 3 : 4);
  WriteStr(writer, "queryId", frame.query_id);
  WriteStr(writer, "mapName", frame.map);
  writer.Str("query");
  if (frame.query.empty()) {
    writer.MapHeader(0);
  } else {
    writer.Raw(frame.query);
  }
  if (frame.fields.empty()) return;
  writer.Str("fields");
  writer.Raw(frame.fields);
}

void EncodeQueryUnsub(const QueryUnsubFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kQueryUnsub, 1);
  WriteStr(writer, "queryId", frame.query_id);
}

void EncodeSyncInit(const SyncInitFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kSyncInit, 1 + CountOf(frame.last_sync_timestamp));
  WriteStr(writer, "mapName", frame.map);
  WriteInt(writer, "lastSyncTimestamp", frame.last_sync_timestamp);
}

void EncodeMerkleReqBucket(const MerkleReqBucketFrame& frame, std::string& out) {
  EncodeBucketRequest(FrameType::kMerkleReqBucket, frame, out);
}

void EncodeOrMapSyncInit(const OrMapSyncInitFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kOrMapSyncInit,
            3 + CountOf(frame.last_sync_timestamp, frame.claimed_epoch));
  WriteStr(writer, "mapName", frame.map);
  WriteInt(writer, "rootHash", frame.root_hash);
  writer.Str("bucketHashes");
  WriteBuckets(writer, frame.bucket_hashes);
  WriteInt(writer, "lastSyncTimestamp", frame.last_sync_timestamp);
  WriteInt(writer, "claimedEpoch", frame.claimed_epoch);
}

void EncodeOrMapMerkleReqBucket(const MerkleReqBucketFrame& frame, std::string& out) {
  EncodeBucketRequest(FrameType::kOrMapMerkleReqBucket, frame, out);
}

void EncodeOrMapPushDiff(const OrMapPushDiffFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kOrMapPushDiff, 2);
  WriteStr(writer, "mapName", frame.map);
  writer.Str("entries");
  WriteOrEntries(writer, frame.entries);
}

void EncodeOrMapDiffRequest(const OrMapDiffRequestFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kOrMapDiffRequest, 2);
  WriteStr(writer, "mapName", frame.map);
  writer.Str("keys");
  writer.ArrayHeader(static_cast<uint32_t>(frame.keys.size()));
  for (const std::string_view key : frame.keys) writer.Str(key);
}

void EncodeClientApplyAck(const ClientApplyAckFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginFlat(writer, FrameType::kClientApplyAck, 1);
  WriteInt(writer, "cursor", frame.cursor);
}

void EncodePartitionMapRequest(const PartitionMapRequestFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  if (!frame.current_version) return BeginFlat(writer, FrameType::kPartitionMapRequest, 0);
  BeginWrapped(writer, FrameType::kPartitionMapRequest, 1);
  WriteInt(writer, "currentVersion", frame.current_version);
}

void EncodeCounterRequest(const CounterFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kCounterRequest, 1);
  WriteStr(writer, "name", frame.name);
}

void EncodeCounterSync(const CounterFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  WriteCounter(writer, FrameType::kCounterSync, frame);
}

void EncodeLockRequest(const LockRequestFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kLockRequest, 2 + CountOf(frame.ttl_ms));
  WriteStr(writer, "requestId", frame.request_id);
  WriteStr(writer, "name", frame.name);
  if (frame.ttl_ms) WriteNumber(writer, "ttl", *frame.ttl_ms);
}

void EncodeLockRelease(const LockReleaseFrame& frame, std::string& out) {
  Writer writer(out, Rendering::kClient);
  BeginWrapped(writer, FrameType::kLockRelease, 1 + CountOf(frame.request_id, frame.fencing_token));
  WriteStr(writer, "requestId", frame.request_id);
  WriteStr(writer, "name", frame.name);
  WriteInt(writer, "fencingToken", frame.fencing_token);
}

}  // namespace topgun::wire
