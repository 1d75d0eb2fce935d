#include "wire/server_frame.h"

#include <array>

#include "counter_fields.h"
#include "journal_fields.h"
#include "lock_fields.h"
#include "message_decoder.h"
#include "search_fields.h"
#include "server_fields.h"

namespace topgun::wire {
namespace {

constexpr std::array<std::string_view, 3> kChangeNames = {"ENTER", "UPDATE", "LEAVE"};

bool IsReadable(FrameType type) {
  return !IsClientFrame(type) && type != FrameType::kMergeRejected &&
         type != FrameType::kServerBatchEvent && type != FrameType::kGcPrune &&
         type != FrameType::kPartitionMapDelta;
}

bool Read(MessageReader& message, FrameType type, ServerFrame& out) {
  switch (type) {
    case FrameType::kAuthRequired: {
      AuthRequiredFields fields;
      return message.Flat(fields);
    }
    case FrameType::kAuthAck:
    case FrameType::kDeviceAck:
      return message.Flat(out.auth_ack);
    case FrameType::kAuthFail:
      return message.Flat(out.auth_fail);
    case FrameType::kPong:
      return message.Flat(out.pong);
    case FrameType::kError:
      return message.Wrapped(out.error);
    case FrameType::kOpAck:
      return message.Wrapped(out.op_ack);
    case FrameType::kOpRejected:
      return message.Wrapped(out.op_rejected);
    case FrameType::kServerEvent:
      return message.Wrapped(out.event);
    case FrameType::kQueryResp:
      return message.Wrapped(out.query_resp);
    case FrameType::kQueryUpdate:
      return message.Wrapped(out.query_update);
    case FrameType::kSyncRespRoot:
    case FrameType::kOrMapSyncRespRoot:
      return message.Wrapped(out.sync_root);
    case FrameType::kSyncRespBuckets:
    case FrameType::kOrMapSyncRespBuckets:
      return message.Wrapped(out.sync_buckets);
    case FrameType::kSyncRespLeaf:
      return message.Wrapped(out.sync_leaf);
    case FrameType::kOrMapSyncRespLeaf:
    case FrameType::kOrMapDiffResponse:
      return message.Wrapped(out.or_map_leaf);
    case FrameType::kSyncResetRequired:
      return message.Wrapped(out.sync_reset_required);
    case FrameType::kTopicMessage:
      return message.Wrapped(out.topic_message);
    case FrameType::kPartitionMap:
      return message.Wrapped(out.partition_map);
    case FrameType::kCounterResponse:
    case FrameType::kCounterUpdate: {
      CounterFields fields{&out.counter, true};
      return message.Wrapped(fields);
    }
    case FrameType::kSearchResp:
      return message.Wrapped(out.search_resp);
    case FrameType::kSearchUpdate:
      return message.Wrapped(out.search_update);
    case FrameType::kJournalEvent:
      return message.Flat(out.journal_event);
    case FrameType::kJournalReadResponse:
      return message.Flat(out.journal_read_response);
    case FrameType::kLockGranted:
      return message.Wrapped(out.lock_granted);
    case FrameType::kLockReleased:
      return message.Wrapped(out.lock_released);
    default:
      return false;  // not readable; DecodeMessage does not get here
  }
}

}  // namespace

std::string_view Name(ChangeType change) { return kChangeNames[static_cast<size_t>(change)]; }

std::optional<ChangeType> ChangeTypeOf(std::string_view name) {
  for (size_t i = 0; i < kChangeNames.size(); ++i) {
    if (kChangeNames[i] == name) return static_cast<ChangeType>(i);
  }
  return std::nullopt;
}

DecodeResult DecodeServerFrame(std::string_view frame, ServerFrame& out) {
  return DecodeMessage(frame, IsReadable, [&out](MessageReader& message, FrameType type) {
    out.type = type;
    Read(message, type, out);
  });
}

}  // namespace topgun::wire
