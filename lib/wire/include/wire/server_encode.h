// Encoders for what servers send. Every function appends exactly one MessagePack value to `out`,
// in compact rendering with `type` first and optional fields left out (core.md 1.3); the golden
// frames fix the bytes. Values are copied as they are. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "wire/server_frame.h"

namespace topgun::wire {

void EncodeAuthRequired(std::string& out);
void EncodeAuthAck(const AuthAckFrame& frame, std::string& out);
void EncodeAuthFail(const AuthFailFrame& frame, std::string& out);
void EncodeDeviceAck(const AuthAckFrame& frame, std::string& out);
void EncodePong(const PongFrame& frame, std::string& out);
// The same PONG inside a bin, for clients in cluster mode (core.md 8.3).
void EncodePongWrapped(const PongFrame& frame, std::string& out);
void EncodeError(const ErrorFrame& frame, std::string& out);

void EncodeOpAck(const OpAckFrame& frame, std::string& out);
void EncodeOpRejected(const OpRejectedFrame& frame, std::string& out);
void EncodeMergeRejected(const MergeRejectedFrame& frame, std::string& out);

void EncodeServerEvent(const EventView& event, std::string& out);
void EncodeServerBatchEvent(std::span<const EventView> events, std::string& out);
void EncodeGcPrune(const crdt::TimestampView& older_than, std::string& out);

void EncodeQueryResp(const QueryRespFrame& frame, std::string& out);
// A QUERY_UPDATE is its subscription's prefix followed by the change's suffix: the prefix is made
// once per subscription and the suffix once per change, whoever receives it.
void EncodeQueryUpdatePrefix(std::string_view query_id, std::string& out);
void EncodeQueryUpdateSuffix(std::string_view key, std::string_view value, ChangeType change,
                             std::string& out);
void EncodeQueryUpdate(const QueryUpdateFrame& frame, std::string& out);

void EncodeSyncRespRoot(const SyncRootFrame& frame, std::string& out);
void EncodeSyncRespBuckets(const SyncBucketsFrame& frame, std::string& out);
void EncodeSyncRespLeaf(const SyncLeafFrame& frame, std::string& out);
void EncodeSyncResetRequired(const SyncResetRequiredFrame& frame, std::string& out);
void EncodeOrMapSyncRespRoot(const SyncRootFrame& frame, std::string& out);
void EncodeOrMapSyncRespBuckets(const SyncBucketsFrame& frame, std::string& out);
void EncodeOrMapSyncRespLeaf(const OrMapLeafFrame& frame, std::string& out);
void EncodeOrMapDiffResponse(const OrMapLeafFrame& frame, std::string& out);

void EncodeTopicMessage(const TopicMessageFrame& frame, std::string& out);

void EncodePartitionMap(const PartitionMapFrame& frame, std::string& out);

// The state is crdt::PnCounter's wire form.
void EncodeCounterResponse(const CounterFrame& frame, std::string& out);
void EncodeCounterUpdate(const CounterFrame& frame, std::string& out);
void EncodeLockGranted(const LockGrantedFrame& frame, std::string& out);
void EncodeLockReleased(const LockReleasedFrame& frame, std::string& out);

}  // namespace topgun::wire
