// The messages of the protocol and their names (core.md 11, features.md). Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace topgun::wire {

enum class FrameType : uint8_t {
  // Sent by clients.
  kAuth,
  kDeviceHello,
  kPing,
  kBatch,
  kClientOp,
  kOpBatch,
  kQuerySub,
  kQueryUnsub,
  kSyncInit,
  kMerkleReqBucket,
  kOrMapSyncInit,
  kOrMapMerkleReqBucket,
  kOrMapPushDiff,
  kOrMapDiffRequest,
  kClientApplyAck,
  kPartitionMapRequest,
  kCounterRequest,
  kCounterSync,
  kSearch,
  kSearchSub,
  kSearchUnsub,
  kJournalSubscribe,
  kJournalUnsubscribe,
  kJournalRead,
  kTopicSub,
  kTopicUnsub,
  kTopicPub,
  kLockRequest,
  kLockRelease,
  // Sent by servers.
  kAuthRequired,
  kAuthAck,
  kAuthFail,
  kDeviceAck,
  kPong,
  kError,
  kOpAck,
  kOpRejected,
  kMergeRejected,
  kServerEvent,
  kServerBatchEvent,
  kGcPrune,
  kQueryResp,
  kQueryUpdate,
  kSyncRespRoot,
  kSyncRespBuckets,
  kSyncRespLeaf,
  kSyncResetRequired,
  kOrMapSyncRespRoot,
  kOrMapSyncRespBuckets,
  kOrMapSyncRespLeaf,
  kOrMapDiffResponse,
  kPartitionMap,
  kPartitionMapDelta,
  kCounterResponse,
  kCounterUpdate,
  kSearchResp,
  kSearchUpdate,
  kJournalEvent,
  kJournalReadResponse,
  kTopicMessage,
  kLockGranted,
  kLockReleased,
  // Sent by clients, of features that this server lacks (feature_frame.h).
  kEntryProcess,
  kEntryProcessBatch,
  kRegisterResolver,
  kUnregisterResolver,
  kListResolvers,
  kVectorSearch,
  kHybridSearch,
  kHybridSearchSub,
  kSqlQuery,
};

inline constexpr size_t kFrameTypeCount = size_t{1} + static_cast<size_t>(FrameType::kSqlQuery);

constexpr bool IsFeatureFrame(FrameType type) { return type >= FrameType::kEntryProcess; }

// True for the types a client may send.
constexpr bool IsClientFrame(FrameType type) {
  return type < FrameType::kAuthRequired || IsFeatureFrame(type);
}

// The text of `type` on the wire, also used as a metric label.
std::string_view Name(FrameType type);
std::optional<FrameType> FrameTypeOf(std::string_view name);

}  // namespace topgun::wire
