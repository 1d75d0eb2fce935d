// The Merkle sync messages of server_fields.h.
#include "absent_fields.h"
#include "server_fields.h"

namespace topgun::wire {

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

}  // namespace topgun::wire
