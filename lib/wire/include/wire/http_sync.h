// Bodies of POST /sync (core.md 9.1): one stateless exchange of a client without WebSocket.
//
// Everything borrows from the body. A body that cannot be decoded is answered with status 400; an
// invalid operation is decoded and carries Op::error, as in a frame. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/client_frame.h"
#include "wire/server_frame.h"

namespace topgun::wire {

// The wish for all changes of a map after a timestamp; {0, 0, ""} at first.
struct SyncMapRequest {
  std::string_view map;
  crdt::TimestampView last_sync_timestamp;
};

struct SyncQuery {
  std::string_view query_id;
  std::string_view map;
  std::string_view filter;  // MessagePack; empty: everything
  std::optional<uint32_t> limit;
  std::optional<uint32_t> offset;
  std::optional<std::string_view> cursor;
};

struct SyncRequest {
  std::string_view client_id;
  crdt::TimestampView client_hlc;
  std::vector<Op> operations;
  std::vector<SyncMapRequest> sync_maps;
  std::vector<SyncQuery> queries;
};

// Searches belong to another part of the protocol and are skipped.
DecodeResult DecodeSyncRequest(std::string_view body, SyncRequest& out);

struct SyncDeltaRecord {
  std::string_view key;
  LwwRecordView record;  // a tombstone is a REMOVE
};

struct SyncDelta {
  std::string_view map;
  std::vector<SyncDeltaRecord> records;
  crdt::TimestampView server_sync_timestamp;
};

struct SyncQueryResult {
  std::string_view query_id;
  std::vector<std::string_view> results;  // bare values
  std::optional<bool> has_more;
  std::optional<std::string_view> next_cursor;
};

struct SyncError {
  int64_t code = 0;
  std::string_view message;
  std::optional<std::string_view> context;
};

struct SyncResponse {
  crdt::TimestampView server_hlc;
  std::optional<OpAckFrame> ack;  // only lastId and results
  // Each is left out of the body when empty.
  std::vector<SyncDelta> deltas;
  std::vector<SyncQueryResult> query_results;
  std::vector<SyncError> errors;
};

void EncodeSyncResponse(const SyncResponse& response, std::string& out);

}  // namespace topgun::wire
