// How each client message is read; see message_decoder.h for the three overloads. A message whose
// struct alone cannot tell what has been seen, or which keeps capacity between frames, is read
// through a *Fields struct that points to it. Private to lib/wire.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "frame_reader.h"
#include "op_decoder.h"
#include "wire/client_frame.h"

namespace topgun::wire {

// Session.

bool ReadField(FrameReader& reader, std::string_view key, AuthFrame& frame);
bool Complete(FrameReader& reader, const AuthFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, DeviceHelloFrame& frame);
inline bool Complete(FrameReader&, const DeviceHelloFrame&) { return true; }

struct PingFields {
  PingFrame* frame;
  std::optional<double> timestamp;
};
void Clear(PingFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, PingFields& fields);
bool Complete(FrameReader& reader, const PingFields& fields);

bool ReadField(FrameReader& reader, std::string_view key, BatchFrame& frame);
bool Complete(FrameReader& reader, const BatchFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, PartitionMapRequestFrame& frame);
inline bool Complete(FrameReader&, const PartitionMapRequestFrame&) { return true; }

// Operations. The payload of CLIENT_OP is the operation itself.

bool ReadPayload(FrameReader& reader, ClientOpFrame& frame);
bool Complete(FrameReader& reader, const ClientOpFrame& frame);

struct OpBatchFields {
  OpBatchFrame* frame;
  bool has_ops = false;
  std::string_view concern_problem;  // empty: none
  std::string_view timeout_problem;
};
void Clear(OpBatchFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, OpBatchFields& fields);
bool Complete(FrameReader& reader, const OpBatchFields& fields);

// Queries.

bool ReadField(FrameReader& reader, std::string_view key, QuerySubFrame& frame);
bool Complete(FrameReader& reader, const QuerySubFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, QueryUnsubFrame& frame);
bool Complete(FrameReader& reader, const QueryUnsubFrame& frame);

// Merkle sync.

bool ReadField(FrameReader& reader, std::string_view key, SyncInitFrame& frame);
bool Complete(FrameReader& reader, const SyncInitFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, MerkleReqBucketFrame& frame);
bool Complete(FrameReader& reader, const MerkleReqBucketFrame& frame);

struct OrMapSyncInitFields {
  OrMapSyncInitFrame* frame;
  std::optional<uint32_t> root_hash;
  bool has_bucket_hashes = false;
};
void Clear(OrMapSyncInitFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, OrMapSyncInitFields& fields);
bool Complete(FrameReader& reader, const OrMapSyncInitFields& fields);

struct OrMapPushDiffFields {
  OrMapPushDiffFrame* frame;
  bool has_entries = false;
  OrEntryReader entry;
};
void Clear(OrMapPushDiffFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, OrMapPushDiffFields& fields);
bool Complete(FrameReader& reader, const OrMapPushDiffFields& fields);

struct OrMapDiffRequestFields {
  OrMapDiffRequestFrame* frame;
  bool has_keys = false;
};
void Clear(OrMapDiffRequestFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, OrMapDiffRequestFields& fields);
bool Complete(FrameReader& reader, const OrMapDiffRequestFields& fields);

struct ClientApplyAckFields {
  ClientApplyAckFrame* frame;
  std::optional<int64_t> cursor;
};
void Clear(ClientApplyAckFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, ClientApplyAckFields& fields);
bool Complete(FrameReader& reader, const ClientApplyAckFields& fields);

// Topics.

bool ReadField(FrameReader& reader, std::string_view key, TopicFrame& frame);
bool Complete(FrameReader& reader, const TopicFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, TopicPubFrame& frame);
bool Complete(FrameReader& reader, const TopicPubFrame& frame);

}  // namespace topgun::wire
