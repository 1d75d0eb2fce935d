#include "encode.h"

namespace topgun::wire {

using msgpack::Writer;

void BeginFlat(Writer& writer, FrameType type, uint32_t fields) {
  writer.MapHeader(1 + fields);
  WriteStr(writer, "type", Name(type));
}

void BeginWrapped(Writer& writer, FrameType type, uint32_t fields) {
  BeginFlat(writer, type, 1);
  writer.Str("payload");
  writer.MapHeader(fields);
}

void WriteTimestamp(Writer& writer, const crdt::TimestampView& timestamp) {
  writer.MapHeader(3);
  WriteInt(writer, "millis", timestamp.millis);
  WriteInt(writer, "counter", timestamp.counter);
  WriteStr(writer, "nodeId", timestamp.node_id);
}

void WriteValue(Writer& writer, std::string_view value) {
  if (value.empty()) return writer.Nil();
  writer.Raw(value);
}

void WriteLwwRecord(Writer& writer, const LwwRecordView& record) {
  writer.MapHeader(record.has_ttl ? 3 : 2);
  writer.Str("value");
  WriteValue(writer, record.value);
  writer.Str("timestamp");
  WriteTimestamp(writer, record.timestamp);
  if (record.has_ttl) WriteNumber(writer, "ttlMs", record.ttl_ms);
}

void WriteOrRecord(Writer& writer, const crdt::OrRecordView& record) {
  writer.MapHeader(record.has_ttl ? 4 : 3);
  writer.Str("value");
  WriteValue(writer, record.value);
  writer.Str("timestamp");
  WriteTimestamp(writer, record.timestamp);
  WriteStr(writer, "tag", record.tag);
  if (record.has_ttl) WriteNumber(writer, "ttlMs", record.ttl_ms);
}

void WriteOrEntries(Writer& writer, const OrEntries& entries) {
  writer.ArrayHeader(static_cast<uint32_t>(entries.size()));
  for (size_t i = 0; i < entries.size(); ++i) {
    writer.MapHeader(3);
    WriteStr(writer, "key", entries.key(i));
    writer.Str("records");
    writer.ArrayHeader(static_cast<uint32_t>(entries.records(i).size()));
    for (const crdt::OrRecordView& record : entries.records(i)) WriteOrRecord(writer, record);
    writer.Str("tombstones");
    writer.ArrayHeader(static_cast<uint32_t>(entries.tombstones(i).size()));
    for (const std::string_view tag : entries.tombstones(i)) writer.Str(tag);
  }
}

void WriteOpResults(Writer& writer, std::span<const OpResult> results) {
  writer.Str("results");
  writer.ArrayHeader(static_cast<uint32_t>(results.size()));
  for (const OpResult& result : results) {
    writer.MapHeader(3 + CountOf(result.error));
    WriteStr(writer, "opId", result.op_id);
    writer.Str("success");
    writer.Bool(result.success);
    WriteStr(writer, "achievedLevel", Name(result.achieved_level));
    WriteStr(writer, "error", result.error);
  }
}

void WriteBuckets(Writer& writer, std::span<const BucketHash> buckets) {
  writer.MapHeader(static_cast<uint32_t>(buckets.size()));
  for (const BucketHash& bucket : buckets) WriteInt(writer, bucket.digit, bucket.hash);
}

void WriteCounter(Writer& writer, FrameType type, const CounterFrame& frame) {
  BeginWrapped(writer, type, 2);
  WriteStr(writer, "name", frame.name);
  writer.Str("state");
  writer.Raw(frame.state);
}

}  // namespace topgun::wire
