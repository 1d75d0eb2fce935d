// Writing back what was decoded, whatever its type: round trips of the contract and fuzz tests.
#pragma once

#include <stdexcept>
#include <string>

#include "wire/client_encode.h"
#include "wire/client_frame.h"
#include "wire/server_encode.h"
#include "wire/server_frame.h"

namespace topgun::wire {

inline std::string EncodeClient(const ClientFrame& frame, OpLayout layout) {
  std::string out;
  switch (frame.type) {
    case FrameType::kAuth:
      EncodeAuth(frame.auth, out);
      break;
    case FrameType::kDeviceHello:
      EncodeDeviceHello(frame.device_hello, out);
      break;
    case FrameType::kPing:
      EncodePing(frame.ping, out);
      break;
    case FrameType::kBatch:
      EncodeBatch(frame.batch, out);
      break;
    case FrameType::kClientOp:
      EncodeClientOp(frame.client_op.op, out, layout);
      break;
    case FrameType::kOpBatch:
      EncodeOpBatch(frame.op_batch, out, layout);
      break;
    case FrameType::kQuerySub:
      EncodeQuerySub(frame.query_sub, out);
      break;
    case FrameType::kQueryUnsub:
      EncodeQueryUnsub(frame.query_unsub, out);
      break;
    case FrameType::kSyncInit:
      EncodeSyncInit(frame.sync_init, out);
      break;
    case FrameType::kMerkleReqBucket:
      EncodeMerkleReqBucket(frame.merkle_req_bucket, out);
      break;
    case FrameType::kOrMapSyncInit:
      EncodeOrMapSyncInit(frame.or_map_sync_init, out);
      break;
    case FrameType::kOrMapMerkleReqBucket:
      EncodeOrMapMerkleReqBucket(frame.merkle_req_bucket, out);
      break;
    case FrameType::kOrMapPushDiff:
      EncodeOrMapPushDiff(frame.or_map_push_diff, out);
      break;
    case FrameType::kOrMapDiffRequest:
      EncodeOrMapDiffRequest(frame.or_map_diff_request, out);
      break;
    case FrameType::kClientApplyAck:
      EncodeClientApplyAck(frame.client_apply_ack, out);
      break;
    case FrameType::kPartitionMapRequest:
      EncodePartitionMapRequest(frame.partition_map_request, out);
      break;
    case FrameType::kCounterRequest:
      EncodeCounterRequest(frame.counter, out);
      break;
    case FrameType::kCounterSync:
      EncodeCounterSync(frame.counter, out);
      break;
    case FrameType::kSearch:
      EncodeSearch(frame.search, out);
      break;
    case FrameType::kSearchSub:
      EncodeSearchSub(frame.search, out);
      break;
    case FrameType::kSearchUnsub:
      EncodeSearchUnsub(frame.search_unsub, out);
      break;
    case FrameType::kJournalSubscribe:
      EncodeJournalSubscribe(frame.journal_subscribe, out);
      break;
    case FrameType::kJournalUnsubscribe:
      EncodeJournalUnsubscribe(frame.journal_unsubscribe, out);
      break;
    case FrameType::kJournalRead:
      EncodeJournalRead(frame.journal_read, out);
      break;
    case FrameType::kTopicSub:
      EncodeTopicSub(frame.topic, out);
      break;
    case FrameType::kTopicUnsub:
      EncodeTopicUnsub(frame.topic, out);
      break;
    case FrameType::kTopicPub:
      EncodeTopicPub(frame.topic_pub, out);
      break;
    case FrameType::kLockRequest:
      EncodeLockRequest(frame.lock_request, out);
      break;
    case FrameType::kLockRelease:
      EncodeLockRelease(frame.lock_release, out);
      break;
    default:
      throw std::logic_error("not a client frame");
  }
  return out;
}

inline std::string EncodeServer(const ServerFrame& frame) {
  std::string out;
  switch (frame.type) {
    case FrameType::kAuthRequired:
      EncodeAuthRequired(out);
      break;
    case FrameType::kAuthAck:
      EncodeAuthAck(frame.auth_ack, out);
      break;
    case FrameType::kAuthFail:
      EncodeAuthFail(frame.auth_fail, out);
      break;
    case FrameType::kDeviceAck:
      EncodeDeviceAck(frame.auth_ack, out);
      break;
    case FrameType::kPong:
      EncodePong(frame.pong, out);
      break;
    case FrameType::kError:
      EncodeError(frame.error, out);
      break;
    case FrameType::kOpAck:
      EncodeOpAck(frame.op_ack, out);
      break;
    case FrameType::kOpRejected:
      EncodeOpRejected(frame.op_rejected, out);
      break;
    case FrameType::kServerEvent:
      EncodeServerEvent(frame.event, out);
      break;
    case FrameType::kQueryResp:
      EncodeQueryResp(frame.query_resp, out);
      break;
    case FrameType::kQueryUpdate:
      EncodeQueryUpdate(frame.query_update, out);
      break;
    case FrameType::kSyncRespRoot:
      EncodeSyncRespRoot(frame.sync_root, out);
      break;
    case FrameType::kSyncRespBuckets:
      EncodeSyncRespBuckets(frame.sync_buckets, out);
      break;
    case FrameType::kSyncRespLeaf:
      EncodeSyncRespLeaf(frame.sync_leaf, out);
      break;
    case FrameType::kSyncResetRequired:
      EncodeSyncResetRequired(frame.sync_reset_required, out);
      break;
    case FrameType::kOrMapSyncRespRoot:
      EncodeOrMapSyncRespRoot(frame.sync_root, out);
      break;
    case FrameType::kOrMapSyncRespBuckets:
      EncodeOrMapSyncRespBuckets(frame.sync_buckets, out);
      break;
    case FrameType::kOrMapSyncRespLeaf:
      EncodeOrMapSyncRespLeaf(frame.or_map_leaf, out);
      break;
    case FrameType::kOrMapDiffResponse:
      EncodeOrMapDiffResponse(frame.or_map_leaf, out);
      break;
    case FrameType::kTopicMessage:
      EncodeTopicMessage(frame.topic_message, out);
      break;
    case FrameType::kPartitionMap:
      EncodePartitionMap(frame.partition_map, out);
      break;
    case FrameType::kCounterResponse:
      EncodeCounterResponse(frame.counter, out);
      break;
    case FrameType::kCounterUpdate:
      EncodeCounterUpdate(frame.counter, out);
      break;
    case FrameType::kSearchResp:
      EncodeSearchResp(frame.search_resp, out);
      break;
    case FrameType::kSearchUpdate:
      EncodeSearchUpdate(frame.search_update, out);
      break;
    case FrameType::kJournalEvent:
      EncodeJournalEvent(frame.journal_event, out);
      break;
    case FrameType::kJournalReadResponse:
      EncodeJournalReadResponse(frame.journal_read_response, out);
      break;
    case FrameType::kLockGranted:
      EncodeLockGranted(frame.lock_granted, out);
      break;
    case FrameType::kLockReleased:
      EncodeLockReleased(frame.lock_released, out);
      break;
    default:
      throw std::logic_error("not a readable server frame");
  }
  return out;
}

}  // namespace topgun::wire
