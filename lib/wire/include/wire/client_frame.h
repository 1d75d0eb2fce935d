// What clients send, and its decoder (core.md 1.4, 1.5, 2, 5, 7, 8; features.md 1.1, 2).
//
// Decode() walks the frame once, allocates nothing per field and keeps values as raw MessagePack
// slices. Everything borrows from the frame's bytes. A ClientFrame is meant to be reused for all
// frames of a thread, so that its vectors keep their capacity; only the member named by `type` is
// meaningful after a decode. Not thread-safe.
//
// A frame that cannot be decoded is dropped by the caller without a reply (core.md 1.4); an
// operation that is merely invalid is decoded and carries Op::error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/feature_frame.h"
#include "wire/frame_type.h"
#include "wire/journal.h"
#include "wire/op.h"
#include "wire/records.h"
#include "wire/search_frame.h"

namespace topgun::wire {

struct AuthFrame {
  std::string_view token;
  std::optional<std::string_view> device_token;
  std::optional<int64_t> protocol_version;
};

struct DeviceHelloFrame {
  std::optional<std::string_view> device_token;
};

struct PingFrame {
  double timestamp = 0;  // echoed as it is
};

struct BatchFrame {
  std::string_view data;  // see batch.h
};

struct ClientOpFrame {
  Op op;
};

struct OpBatchFrame {
  std::vector<Op> ops;
  // Defaults for the ops of the batch (core.md 5.6).
  std::optional<WriteConcern> write_concern;
  std::optional<double> timeout_ms;
  // Not empty: one of the defaults is invalid, so the batch is to be refused as a whole.
  std::string error;
};

// Raw slices are empty when the field is absent or nil.
struct QuerySubFrame {
  std::string_view query_id;
  std::string_view map;
  std::string_view query;         // the whole query map
  std::string_view where;         // map
  std::string_view predicate;     // map
  std::string_view sort;          // array of {field, direction}, or the map of old clients
  std::string_view fields;        // array: projection
  std::string_view group_by;      // array
  std::string_view aggregations;  // array of {func, field?}
  std::optional<std::string_view> cursor;
  std::optional<uint32_t> limit;
};

struct QueryUnsubFrame {
  std::string_view query_id;
};

struct SyncInitFrame {
  std::string_view map;
  std::optional<int64_t> last_sync_timestamp;
};

// MERKLE_REQ_BUCKET and ORMAP_MERKLE_REQ_BUCKET.
struct MerkleReqBucketFrame {
  std::string_view map;
  std::string_view path;
};

struct OrMapSyncInitFrame {
  std::string_view map;
  uint32_t root_hash = 0;
  std::vector<BucketHash> bucket_hashes;
  std::optional<int64_t> last_sync_timestamp;
  std::optional<int64_t> claimed_epoch;
};

struct OrMapPushDiffFrame {
  std::string_view map;
  OrEntries entries;
  // Records left out because a field was invalid. There is no reply to this frame, and one bad
  // record must not hold back the others for ever.
  size_t invalid_records = 0;
};

struct OrMapDiffRequestFrame {
  std::string_view map;
  std::vector<std::string_view> keys;
};

struct ClientApplyAckFrame {
  int64_t cursor = 0;
};

struct PartitionMapRequestFrame {
  std::optional<int64_t> current_version;
};

// COUNTER_REQUEST, which has no state, and COUNTER_SYNC (features.md 4); and what servers send of a
// counter: COUNTER_RESPONSE and COUNTER_UPDATE.
struct CounterFrame {
  std::string_view name;
  std::string_view state;  // MessagePack map: crdt::PnCounter decodes it
};

// TOPIC_SUB and TOPIC_UNSUB.
struct TopicFrame {
  std::string_view topic;
};

struct TopicPubFrame {
  std::string_view topic;
  std::string_view data;  // MessagePack; empty when absent, as undefined is in the client
  // False: it holds what makes clients drop the frame it comes in (core.md 1.3).
  bool portable = true;
};

struct LockRequestFrame {
  std::string_view request_id;
  std::string_view name;
  std::optional<double> ttl_ms;  // any number; nothing: absent, or of another kind
};

struct LockReleaseFrame {
  std::optional<std::string_view> request_id;
  std::string_view name;
  // Nothing: absent, or no whole number up to 2^53. The client sends none after it has taken a
  // denial for a grant (features.md 3).
  std::optional<int64_t> fencing_token;
};

struct ClientFrame {
  FrameType type = FrameType::kPing;
  AuthFrame auth;
  DeviceHelloFrame device_hello;
  PingFrame ping;
  BatchFrame batch;
  ClientOpFrame client_op;
  OpBatchFrame op_batch;
  QuerySubFrame query_sub;
  QueryUnsubFrame query_unsub;
  SyncInitFrame sync_init;
  MerkleReqBucketFrame merkle_req_bucket;  // both map types
  OrMapSyncInitFrame or_map_sync_init;
  OrMapPushDiffFrame or_map_push_diff;
  OrMapDiffRequestFrame or_map_diff_request;
  ClientApplyAckFrame client_apply_ack;
  PartitionMapRequestFrame partition_map_request;
  CounterFrame counter;  // COUNTER_REQUEST, COUNTER_SYNC
  SearchFrame search;    // SEARCH, SEARCH_SUB
  SearchUnsubFrame search_unsub;
  JournalSubscribeFrame journal_subscribe;
  JournalUnsubscribeFrame journal_unsubscribe;
  JournalReadFrame journal_read;
  TopicFrame topic;  // TOPIC_SUB, TOPIC_UNSUB
  TopicPubFrame topic_pub;
  LockRequestFrame lock_request;
  LockReleaseFrame lock_release;
  FeatureFrame feature;  // whose type is IsFeatureFrame()
};

// Why a frame is dropped. A closed set: the names are metric labels.
enum class DecodeError : uint8_t {
  kNone,
  kMalformed,  // not exactly one well-formed MessagePack value
  kTooDeep,    // nested deeper than msgpack::kDepthMax
  kNotAMap,
  kNoType,       // no string `type`
  kUnknownType,  // no message of this name, or none that this side receives
  kMissingField,
  kBadField,  // wrong kind of value
};

std::string_view Name(DecodeError error);

struct DecodeResult {
  DecodeError error = DecodeError::kNone;
  std::string_view field;  // static text, for kMissingField and kBadField

  bool ok() const { return error == DecodeError::kNone; }
};

DecodeResult Decode(std::string_view frame, ClientFrame& out);

}  // namespace topgun::wire
