#include "wire/client_frame.h"

#include <array>

#include "client_fields.h"
#include "counter_fields.h"
#include "feature_fields.h"
#include "journal_fields.h"
#include "lock_fields.h"
#include "message_decoder.h"
#include "search_fields.h"

namespace topgun::wire {
namespace {

bool Read(MessageReader& message, FrameType type, ClientFrame& out) {
  switch (type) {
    case FrameType::kAuth:
      return message.Flat(out.auth);
    case FrameType::kDeviceHello:
      return message.Flat(out.device_hello);
    case FrameType::kPing: {
      PingFields fields{&out.ping, {}};
      return message.Flat(fields);
    }
    case FrameType::kBatch:
      return message.Flat(out.batch);
    case FrameType::kClientOp:
      return message.Wrapped(out.client_op);
    case FrameType::kOpBatch: {
      OpBatchFields fields{&out.op_batch, false, {}, {}};
      return message.Wrapped(fields);
    }
    case FrameType::kQuerySub:
      return message.Wrapped(out.query_sub);
    case FrameType::kQueryUnsub:
      return message.Wrapped(out.query_unsub);
    case FrameType::kSyncInit:
      return message.Flat(out.sync_init);
    case FrameType::kMerkleReqBucket:
    case FrameType::kOrMapMerkleReqBucket:
      return message.Wrapped(out.merkle_req_bucket);
    case FrameType::kOrMapSyncInit: {
      OrMapSyncInitFields fields{&out.or_map_sync_init, {}, false};
      return message.Flat(fields);
    }
    case FrameType::kOrMapPushDiff: {
      OrMapPushDiffFields fields{&out.or_map_push_diff, false, {}};
      return message.Wrapped(fields);
    }
    case FrameType::kOrMapDiffRequest: {
      OrMapDiffRequestFields fields{&out.or_map_diff_request, false};
      return message.Wrapped(fields);
    }
    case FrameType::kClientApplyAck: {
      ClientApplyAckFields fields{&out.client_apply_ack, {}};
      return message.Flat(fields);
    }
    case FrameType::kPartitionMapRequest:
      return message.Wrapped(out.partition_map_request);
    case FrameType::kCounterRequest:
    case FrameType::kCounterSync: {
      CounterFields fields{&out.counter, type == FrameType::kCounterSync};
      return message.Wrapped(fields);
    }
    case FrameType::kSearch:
    case FrameType::kSearchSub: {
      SearchFields fields{&out.search, type == FrameType::kSearchSub};
      return message.Wrapped(fields);
    }
    case FrameType::kSearchUnsub:
      return message.Wrapped(out.search_unsub);
    case FrameType::kJournalSubscribe:
      return message.Flat(out.journal_subscribe);
    case FrameType::kJournalUnsubscribe:
      return message.Flat(out.journal_unsubscribe);
    case FrameType::kJournalRead:
      return message.Flat(out.journal_read);
    case FrameType::kTopicSub:
    case FrameType::kTopicUnsub:
      return message.Wrapped(out.topic);
    case FrameType::kTopicPub:
      return message.Wrapped(out.topic_pub);
    case FrameType::kLockRequest:
      return message.Wrapped(out.lock_request);
    case FrameType::kLockRelease:
      return message.Wrapped(out.lock_release);
    default: {
      FeatureFields fields{&out.feature, type};
      return IsFlatFeature(type) ? message.Flat(fields) : message.Wrapped(fields);
    }
  }
}

constexpr std::array<std::string_view, 8> kErrorNames = {
    "none",    "malformed",    "too_deep",      "not_a_map",
    "no_type", "unknown_type", "missing_field", "bad_field"};

}  // namespace

std::string_view Name(DecodeError error) { return kErrorNames[static_cast<size_t>(error)]; }

DecodeResult Decode(std::string_view frame, ClientFrame& out) {
  return DecodeMessage(frame, IsClientFrame, [&out](MessageReader& message, FrameType type) {
    out.type = type;
    Read(message, type, out);
  });
}

}  // namespace topgun::wire
