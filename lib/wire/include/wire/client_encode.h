// Encoders for what clients send, byte for byte as the TypeScript client renders it (core.md 1.2).
// The load generator and the tests speak with them. Every function appends exactly one
// MessagePack value to `out`. Pure; any thread.
#pragma once

#include <string>

#include "wire/client_frame.h"

namespace topgun::wire {

// Two shapes of an operation are on the road (core.md 5.1): the client library appends the extra
// keys `timestamp` and `synced` and puts `id` last, plain test clients write only what is needed.
enum class OpLayout : uint8_t { kLibrary, kPlain };

void EncodeAuth(const AuthFrame& frame, std::string& out);
void EncodeDeviceHello(const DeviceHelloFrame& frame, std::string& out);
void EncodePing(const PingFrame& frame, std::string& out);
void EncodeBatch(const BatchFrame& frame, std::string& out);
void EncodeClientOp(const Op& op, std::string& out, OpLayout layout = OpLayout::kPlain);
void EncodeOpBatch(const OpBatchFrame& frame, std::string& out,
                   OpLayout layout = OpLayout::kLibrary);
// Writes `query` as it is; an empty one becomes an empty map.
void EncodeQuerySub(const QuerySubFrame& frame, std::string& out);
void EncodeQueryUnsub(const QueryUnsubFrame& frame, std::string& out);
void EncodeSyncInit(const SyncInitFrame& frame, std::string& out);
void EncodeMerkleReqBucket(const MerkleReqBucketFrame& frame, std::string& out);
void EncodeOrMapSyncInit(const OrMapSyncInitFrame& frame, std::string& out);
void EncodeOrMapMerkleReqBucket(const MerkleReqBucketFrame& frame, std::string& out);
void EncodeOrMapPushDiff(const OrMapPushDiffFrame& frame, std::string& out);
void EncodeOrMapDiffRequest(const OrMapDiffRequestFrame& frame, std::string& out);
void EncodeClientApplyAck(const ClientApplyAckFrame& frame, std::string& out);
void EncodePartitionMapRequest(const PartitionMapRequestFrame& frame, std::string& out);
void EncodeCounterRequest(const CounterFrame& frame, std::string& out);
void EncodeCounterSync(const CounterFrame& frame, std::string& out);
void EncodeTopicSub(const TopicFrame& frame, std::string& out);
void EncodeTopicUnsub(const TopicFrame& frame, std::string& out);
void EncodeTopicPub(const TopicPubFrame& frame, std::string& out);
void EncodeLockRequest(const LockRequestFrame& frame, std::string& out);
void EncodeLockRelease(const LockReleaseFrame& frame, std::string& out);

}  // namespace topgun::wire
