// The Merkle sync messages of client_fields.h.

#include "client_fields.h"

namespace topgun::wire {

using msgpack::Type;

bool ReadField(FrameReader& reader, std::string_view key, SyncInitFrame& frame) {
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "lastSyncTimestamp")) {
    return reader.Whole("lastSyncTimestamp", &frame.last_sync_timestamp);
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const SyncInitFrame& frame) {
  return reader.Require(frame.map, "mapName");
}

bool ReadField(FrameReader& reader, std::string_view key, MerkleReqBucketFrame& frame) {
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "path")) return reader.Str("path", &frame.path);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const MerkleReqBucketFrame& frame) {
  return reader.Require(frame.map, "mapName") && reader.Require(frame.path, "path");
}

void Clear(OrMapSyncInitFields& fields) {
  OrMapSyncInitFrame& frame = *fields.frame;
  frame.map = {};
  frame.bucket_hashes.clear();
  frame.last_sync_timestamp.reset();
  frame.claimed_epoch.reset();
  fields = {&frame, {}, false};
}

bool ReadField(FrameReader& reader, std::string_view key, OrMapSyncInitFields& fields) {
  OrMapSyncInitFrame& frame = *fields.frame;
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "rootHash")) return reader.Uint32("rootHash", &fields.root_hash);
  if (Is(key, "bucketHashes")) {
    fields.has_bucket_hashes = reader.Peek() == Type::kMap;
    return ReadBuckets(reader, "bucketHashes", &frame.bucket_hashes);
  }
  if (Is(key, "lastSyncTimestamp")) {
    return reader.Whole("lastSyncTimestamp", &frame.last_sync_timestamp);
  }
  if (Is(key, "claimedEpoch")) return reader.Whole("claimedEpoch", &frame.claimed_epoch);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const OrMapSyncInitFields& fields) {
  fields.frame->root_hash = fields.root_hash.value_or(0);
  return reader.Require(fields.frame->map, "mapName") &&
         reader.Require(fields.root_hash.has_value(), "rootHash") &&
         reader.Require(fields.has_bucket_hashes, "bucketHashes");
}

void Clear(OrMapPushDiffFields& fields) {
  fields.frame->map = {};
  fields.frame->entries.Clear();
  fields.frame->invalid_records = 0;
  fields.has_entries = false;
}

bool ReadField(FrameReader& reader, std::string_view key, OrMapPushDiffFields& fields) {
  OrMapPushDiffFrame& frame = *fields.frame;
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "entries")) {
    fields.has_entries = reader.Peek() == Type::kArray;
    return fields.entry.ReadAll(reader, &frame.entries, &frame.invalid_records);
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const OrMapPushDiffFields& fields) {
  return reader.Require(fields.frame->map, "mapName") &&
         reader.Require(fields.has_entries, "entries");
}

void Clear(OrMapDiffRequestFields& fields) {
  fields.frame->map = {};
  fields.frame->keys.clear();
  fields.has_keys = false;
}

bool ReadField(FrameReader& reader, std::string_view key, OrMapDiffRequestFields& fields) {
  OrMapDiffRequestFrame& frame = *fields.frame;
  if (Is(key, "mapName")) return reader.Str("mapName", &frame.map);
  if (Is(key, "keys")) {
    frame.keys.clear();
    fields.has_keys = reader.Peek() == Type::kArray;
    return reader.Array("keys", [&](uint32_t) {
      return reader.Str("keys", &frame.keys.emplace_back()) &&
             reader.Require(frame.keys.back(), "keys");
    });
  }
  return reader.Skip();
}

bool Complete(FrameReader& reader, const OrMapDiffRequestFields& fields) {
  return reader.Require(fields.frame->map, "mapName") && reader.Require(fields.has_keys, "keys");
}

void Clear(ClientApplyAckFields& fields) { fields.cursor.reset(); }

bool ReadField(FrameReader& reader, std::string_view key, ClientApplyAckFields& fields) {
  if (Is(key, "cursor")) return reader.Whole("cursor", &fields.cursor);
  return reader.Skip();
}

bool Complete(FrameReader& reader, const ClientApplyAckFields& fields) {
  fields.frame->cursor = fields.cursor.value_or(0);
  return reader.Require(fields.cursor.has_value(), "cursor");
}

}  // namespace topgun::wire
