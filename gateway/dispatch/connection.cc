#include "dispatch/connection.h"

#include <utility>

#include "dispatch/access_gate.h"
#include "dispatch/cluster_view.h"
#include "dispatch/connection_table.h"
#include "dispatch/counters.h"
#include "dispatch/fan_out.h"
#include "dispatch/journal/journal.h"
#include "dispatch/locks.h"
#include "dispatch/map_sync.h"
#include "dispatch/or_push.h"
#include "dispatch/search_requests.h"
#include "dispatch/topics.h"
#include "logging/logging.h"
#include "wire/batch.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

using wire::FrameType;

namespace {

BatchTerms TermsOfBatch(const wire::OpBatchFrame& frame) {
  return {.concern = frame.write_concern, .timeout_ms = frame.timeout_ms, .error = frame.error};
}

}  // namespace

Connection::Connection(ConnectionId id, std::string origin, Session& session, LoopContext& context)
    : id_(id),
      origin_(std::move(origin)),
      session_(session),
      context_(context),
      upgrade_(context.probe.tracer().Upgraded(session.request(), context.now)),
      writes_(id, origin_, principal_, session, context, upgrade_.get()),
      rate_(context.options.ops_per_second, context.options.ops_burst, context.now),
      opened_(context.now),
      last_ping_(context.now) {
  if (context_.verifier == nullptr) {
    authenticated_ = true;
    session_.SetMessageBytesMax(context_.options.message_bytes_max);
    context_.probe.Authenticated(AuthResult::kNoAuth);
    return;
  }
  std::string frame;
  wire::EncodeAuthRequired(frame);
  session_.Reply(std::move(frame));
}

void Connection::OnMessage(std::string_view message, bool binary) {
  if (ended_) return;
  if (!binary) return context_.probe.FrameDropped(DropReason::kText);
  context_.now = std::chrono::steady_clock::now();
  Handle(message, Level::kFrame);
}

void Connection::HandleHeld(std::string_view message) {
  if (ended_) return;
  Handle(message, Level::kHeldFrame);
  writes_.PauseReading(WritePath::Pause::kPolicies, false);
}

void Connection::Handle(std::string_view message, Level level) {
  wire::ClientFrame& frame = context_.frame;
  const wire::DecodeResult decoded = wire::Decode(message, frame);
  if (!decoded.ok()) return context_.probe.FrameDropped(decoded.error);
  const bool may_wait = level == Level::kFrame && authenticated_;
  if (may_wait && context_.gate.Hold(*this, frame.type, message)) return;
  context_.probe.FrameReceived(frame.type);
  if (!authenticated_ && frame.type != FrameType::kAuth) {
    return context_.probe.FrameDropped(DropReason::kUnauthenticated);
  }
  // The items of a BATCH were paid for together.
  if (level != Level::kBatchItem && !WithinRate(frame)) return;
  Dispatch(frame, level);
}

// Costs of core.md 2.9.
bool Connection::WithinRate(const wire::ClientFrame& frame) {
  uint64_t cost = 1;
  std::span<const wire::Op> ops;
  BatchTerms batch;
  if (frame.type == FrameType::kDeviceHello) return true;
  if (frame.type == FrameType::kOpBatch) {
    ops = frame.op_batch.ops;
    batch = TermsOfBatch(frame.op_batch);
    cost = ops.size();
  } else if (frame.type == FrameType::kClientOp) {
    ops = {&frame.client_op.op, 1};
  } else if (frame.type == FrameType::kBatch) {
    cost = std::max<uint64_t>(1, wire::CountBatchItems(frame.batch.data));
  }
  if (rate_.Allow(cost, context_.now)) return true;
  writes_.OnRateLimited(ops, batch);
  if (frame.type == FrameType::kLockRelease) {
    context_.locks.RefuseRelease(*this, frame.lock_release);
  }
  return false;
}

void Connection::Dispatch(const wire::ClientFrame& frame, Level level) {
  switch (frame.type) {
    case FrameType::kAuth:
      return OnAuth(frame.auth);
    case FrameType::kDeviceHello:
      return OnDeviceHello(frame.device_hello);
    case FrameType::kPing:
      return OnPing(frame.ping);
    case FrameType::kBatch:
      return OnBatch(frame.batch.data, level);
    case FrameType::kClientOp:
      return writes_.OnOps({&frame.client_op.op, 1}, {});
    case FrameType::kOpBatch:
      return writes_.OnOps(frame.op_batch.ops, TermsOfBatch(frame.op_batch));
    case FrameType::kQuerySub:
      return OnQuerySub(frame.query_sub);
    case FrameType::kQueryUnsub:
      return context_.fan_out.Unsubscribe(*this, frame.query_unsub.query_id);
    case FrameType::kPartitionMapRequest:
      return OnPartitionMapRequest(frame.partition_map_request);
    case FrameType::kSyncInit:
      return context_.map_sync.OnSyncInit(*this, frame.sync_init);
    case FrameType::kMerkleReqBucket:
      return context_.map_sync.OnBucketRequest(*this, state::CellKind::kLww,
                                               frame.merkle_req_bucket);
    case FrameType::kOrMapSyncInit:
      return context_.map_sync.OnOrMapSyncInit(*this, frame.or_map_sync_init);
    case FrameType::kOrMapMerkleReqBucket:
      return context_.map_sync.OnBucketRequest(*this, state::CellKind::kOr,
                                               frame.merkle_req_bucket);
    case FrameType::kOrMapDiffRequest:
      return context_.map_sync.OnDiffRequest(*this, frame.or_map_diff_request);
    case FrameType::kOrMapPushDiff:
      return context_.or_push.OnPush(*this, frame.or_map_push_diff);
    case FrameType::kTopicSub:
      return context_.topics.OnSubscribe(*this, frame.topic.topic);
    case FrameType::kTopicUnsub:
      return context_.topics.OnUnsubscribe(*this, frame.topic.topic);
    case FrameType::kTopicPub:
      return context_.topics.OnPublish(*this, frame.topic_pub);
    case FrameType::kLockRequest:
      return context_.locks.OnRequest(*this, frame.lock_request);
    case FrameType::kLockRelease:
      return context_.locks.OnRelease(*this, frame.lock_release);
    case FrameType::kClientApplyAck:
      return;  // says only how far the client has come
    case FrameType::kSearch:
      return context_.searches.OnSearch(*this, frame.search);
    case FrameType::kSearchSub:
      return context_.searches.OnSearchSub(*this, frame.search);
    case FrameType::kSearchUnsub:
      return context_.searches.OnSearchUnsub(*this, frame.search_unsub.subscription_id);
    case FrameType::kCounterRequest:
      return context_.counters.OnRequest(*this, frame.counter);
    case FrameType::kCounterSync:
      return context_.counters.OnSync(*this, frame.counter);
    case FrameType::kJournalSubscribe:
      return context_.journal.OnSubscribe(*this, frame.journal_subscribe);
    case FrameType::kJournalUnsubscribe:
      return context_.journal.OnUnsubscribe(*this, frame.journal_unsubscribe);
    case FrameType::kJournalRead:
      return context_.journal.OnRead(*this, frame.journal_read);
    default:
      return OnFeature(frame.type, frame.feature);
  }
}

void Connection::OnPing(const wire::PingFrame& frame) {
  last_ping_ = context_.now;
  const wire::PongFrame pong{.timestamp = frame.timestamp,
                             .server_time = static_cast<double>(context_.clock.NowMs())};
  std::string reply;
  wire::EncodePong(pong, reply);
  session_.Urgent(std::move(reply));
  // What a burst has left behind is given back at the client's own pace.
  if (writes_.idle()) {
    writes_.Trim();
    session_.Trim();
  }
  if (!asked_for_map_) return;
  // The pool of a client in cluster mode keeps the first one to itself (core.md 8.3).
  std::string wrapped;
  wire::EncodePongWrapped(pong, wrapped);
  session_.Urgent(std::move(wrapped));
}

void Connection::OnPartitionMapRequest(const wire::PartitionMapRequestFrame& frame) {
  asked_for_map_ = true;
  map_version_ = frame.current_version.value_or(0);
  OfferPartitionMap();
}

bool Connection::OfferPartitionMap() {
  const bool wanted = asked_for_map_ || context_.cluster.pushes();
  if (ended_ || !authenticated_ || !wanted) return false;
  const int64_t version = context_.cluster.map().version;
  if (version <= map_version_) return false;
  map_version_ = version;
  // Shared bytes under the limit of pushes: asking again and again costs no memory.
  session_.Push(
      {.head = context_.cluster.FrameFor(session_.request()), .tail = nullptr, .key = {}});
  return true;
}

void Connection::OnBatch(std::string_view data, Level level) {
  if (level == Level::kBatchItem) return context_.probe.FrameDropped(DropReason::kUnexpected);
  if (wire::CountBatchItems(data) > wire::kBatchItemsMax) {
    return writes_.SendError(413, "batch exceeds maximum inner item count");
  }
  writes_.set_quiet(true);
  wire::BatchWalker walker(data);
  for (std::string_view item; !ended_ && walker.Next(&item);) Handle(item, Level::kBatchItem);
  writes_.set_quiet(false);
}

Tracer::QuestionPtr Connection::Ask(std::string_view map) {
  return context_.probe.tracer().Ask(wire::Name(context_.frame.type), map, context_.now,
                                     upgrade_.get());
}

void Connection::AfterOwnChanges(std::function<void()> run) {
  writes_.AfterWrites([this, run = std::move(run)]() mutable {
    context_.or_push.AfterPushes(*this, std::move(run));
  });
}

void Connection::OnFeature(FrameType type, const wire::FeatureFrame& frame) {
  std::string answer;
  if (!wire::EncodeFeatureAnswer(type, frame, answer)) return NotImplemented(wire::ServiceOf(type));
  session_.Reply(std::move(answer));
}

void Connection::NotImplemented(std::string_view what) {
  writes_.SendError(501, "not implemented: " + std::string(what));
}

Connection::Time Connection::Sweep(Time now) {
  if (ended_) return Time::max();
  const Time deadline = authenticated_ ? last_ping_ + context_.options.idle_timeout
                                       : opened_ + context_.options.auth_timeout;
  if (now <= deadline) return deadline;
  if (!authenticated_) context_.probe.Authenticated(AuthResult::kTimeout);
  ended_ = true;
  session_.Close(authenticated_ ? CloseCause::kIdle : CloseCause::kAuthTimeout);
  return Time::max();
}

void Connection::OnOptionsChanged() {
  rate_.SetRate(context_.options.ops_per_second, context_.options.ops_burst);
  if (authenticated_ && !ended_) session_.SetMessageBytesMax(context_.options.message_bytes_max);
}

void Connection::Revive() {
  if (ended_ || !authenticated_) return;
  context_.probe.Revived();
  SendAck(FrameType::kAuthAck);
}

bool Connection::Leave(CloseCause cause, bool at_once) {
  if (ended_) return true;
  writes_.PauseReading(WritePath::Pause::kLeave, true);
  if (!at_once && !writes_.idle()) return false;
  ended_ = true;
  session_.Close(cause);
  return true;
}

void Connection::OnClosed(CloseCause /*cause*/) {
  ended_ = true;
  context_.fan_out.Forget(*this);
  context_.journal.Forget(*this);
  context_.map_sync.Forget(*this);
  context_.or_push.Forget(*this);
  context_.counters.Forget(*this);
  context_.topics.Forget(*this);
  context_.locks.Forget(*this);
  context_.searches.Forget(*this);
  context_.table.Remove(id_);  // destroys this object
}

}  // namespace topgun::gateway
