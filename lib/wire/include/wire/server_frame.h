// What servers send (core.md 2, 5.3, 5.4, 6, 7, 8; features.md 1.1, 2).
//
// The structs serve both directions: server_encode.h writes them, DecodeServerFrame() reads them
// for the load generator and the tests. They borrow from whatever they were filled from; values
// are raw MessagePack. A decoded ServerFrame is reused like a ClientFrame: only the member named
// by `type` is meaningful. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "wire/change_type.h"
#include "wire/client_frame.h"
#include "wire/frame_type.h"
#include "wire/journal.h"
#include "wire/op.h"
#include "wire/records.h"
#include "wire/search_frame.h"

namespace topgun::wire {

// AUTH_ACK and, without user, DEVICE_ACK.
struct AuthAckFrame {
  std::optional<std::string_view> user_id;
  std::optional<std::string_view> device_id;
  std::optional<std::string_view> device_token;  // only when a new credential was minted
};

struct AuthFailFrame {
  std::optional<std::string_view> error;
  std::optional<int64_t> code;
};

struct PongFrame {
  double timestamp = 0;
  double server_time = 0;
};

struct ErrorFrame {
  int64_t code = 0;
  std::string_view message;
  std::string_view details;  // MessagePack; empty: none
};

struct OpResult {
  std::string_view op_id;
  bool success = false;
  WriteConcern achieved_level = WriteConcern::kFireAndForget;
  std::optional<std::string_view> error;
};

struct OpAckFrame {
  std::string_view last_id;
  std::optional<WriteConcern> achieved_level;
  std::vector<OpResult> results;  // left out of the frame when empty
};

struct OpRejectedFrame {
  std::string_view op_id;
  std::string_view reason;
  std::optional<int64_t> code;
};

struct MergeRejectedFrame {
  std::string_view map;
  std::string_view key;
  std::string_view attempted_value;
  std::string_view reason;
  crdt::TimestampView timestamp;
};

// One event of SERVER_EVENT or SERVER_BATCH_EVENT. `kind` says what else is meaningful.
struct EventView {
  std::string_view map;
  std::string_view key;
  OpKind kind = OpKind::kPut;
  std::optional<LwwRecordView> record;          // kPut, and kRemove: its tombstone
  std::optional<crdt::OrRecordView> or_record;  // kOrAdd
  std::string_view or_tag;                      // kOrRemove
};

struct QueryRow {
  std::string_view key;
  std::string_view value;
};

struct QueryRespFrame {
  std::string_view query_id;
  std::vector<QueryRow> results;
  std::optional<std::string_view> next_cursor;
  bool has_more = false;  // left out of the frame when false
  std::optional<std::string_view> cursor_status;
  std::optional<std::string_view> error;
  std::optional<std::string_view> code;
};

struct QueryUpdateFrame {
  std::string_view query_id;
  std::string_view key;
  std::string_view value;  // empty: nil, as LEAVE has
  ChangeType change = ChangeType::kEnter;
};

// SYNC_RESP_ROOT and ORMAP_SYNC_RESP_ROOT; the last two only in the second.
struct SyncRootFrame {
  std::string_view map;
  uint32_t root_hash = 0;
  crdt::TimestampView timestamp;
  std::optional<int64_t> covering_epoch;
  std::optional<bool> full_resync;
};

// SYNC_RESP_BUCKETS and ORMAP_SYNC_RESP_BUCKETS.
struct SyncBucketsFrame {
  std::string_view map;
  std::string_view path;
  std::vector<BucketHash> buckets;
};

struct SyncLeafFrame {
  std::string_view map;
  std::string_view path;
  std::vector<LwwEntry> records;
};

// ORMAP_SYNC_RESP_LEAF and, without path, ORMAP_DIFF_RESPONSE.
struct OrMapLeafFrame {
  std::string_view map;
  std::string_view path;
  OrEntries entries;
  std::optional<int64_t> covering_epoch;
};

struct SyncResetRequiredFrame {
  std::string_view map;
  std::string_view reason;
};

struct PartitionNode {
  std::string_view node_id;
  std::string_view websocket;
  std::optional<std::string_view> http;
  std::string_view status;  // ACTIVE, JOINING, LEAVING, SUSPECTED, FAILED
};

struct Partition {
  uint32_t id = 0;
  std::string_view owner;
  std::vector<std::string_view> backups;
};

struct PartitionMapFrame {
  int64_t version = 0;
  uint32_t partition_count = 0;
  std::vector<PartitionNode> nodes;
  std::vector<Partition> partitions;
  double generated_at = 0;
};

struct TopicMessageFrame {
  std::string_view topic;
  std::string_view data;  // empty: nil
  std::optional<std::string_view> publisher_id;
  int64_t timestamp = 0;
};

struct LockGrantedFrame {
  std::string_view request_id;
  std::string_view name;
  int64_t fencing_token = 0;
};

struct LockReleasedFrame {
  std::string_view request_id;  // empty when the request had none
  std::string_view name;
  bool success = false;
};

struct ServerFrame {
  FrameType type = FrameType::kPong;
  AuthAckFrame auth_ack;  // also DEVICE_ACK
  AuthFailFrame auth_fail;
  PongFrame pong;
  ErrorFrame error;
  OpAckFrame op_ack;
  OpRejectedFrame op_rejected;
  EventView event;
  QueryRespFrame query_resp;
  QueryUpdateFrame query_update;
  SyncRootFrame sync_root;        // both map types
  SyncBucketsFrame sync_buckets;  // both map types
  SyncLeafFrame sync_leaf;
  OrMapLeafFrame or_map_leaf;  // also ORMAP_DIFF_RESPONSE
  SyncResetRequiredFrame sync_reset_required;
  PartitionMapFrame partition_map;
  CounterFrame counter;  // COUNTER_RESPONSE, COUNTER_UPDATE
  SearchRespFrame search_resp;
  SearchUpdateFrame search_update;
  JournalEventFrame journal_event;
  JournalReadResponseFrame journal_read_response;
  TopicMessageFrame topic_message;
  LockGrantedFrame lock_granted;
  LockReleasedFrame lock_released;
};

// As Decode(). The types nobody sends today (MERGE_REJECTED, SERVER_BATCH_EVENT, GC_PRUNE,
// PARTITION_MAP_DELTA) are unknown to it.
DecodeResult DecodeServerFrame(std::string_view frame, ServerFrame& out);

}  // namespace topgun::wire
