#include "dispatch/write_path.h"

#include <algorithm>
#include <chrono>

#include "dispatch/connection_table.h"
#include "dispatch/error_codes.h"
#include "wire/server_encode.h"

namespace topgun::gateway {
namespace {

constexpr size_t kReasonsInError = 8;
constexpr size_t kDenialsMax = 8;  // ERROR frames per frame of writes
constexpr size_t kIdsInError = 8;
constexpr int64_t kTimedOut = 504;
constexpr std::string_view kOverloadText = "server overloaded, try again later";
constexpr std::string_view kPoliciesText = "access policies are not known yet, try again later";
constexpr std::chrono::milliseconds kPoliciesRetry{1'000};
constexpr std::string_view kRateText = "rate limit exceeded, slow down";

// Stock clients ask again only after an AUTH_ACK; until then their map stays behind.
bool AsksForData(wire::FrameType type) {
  switch (type) {
    case wire::FrameType::kQuerySub:
    case wire::FrameType::kSyncInit:
    case wire::FrameType::kMerkleReqBucket:
    case wire::FrameType::kOrMapSyncInit:
    case wire::FrameType::kOrMapMerkleReqBucket:
    case wire::FrameType::kOrMapPushDiff:
    case wire::FrameType::kOrMapDiffRequest:
    case wire::FrameType::kTopicSub:
    case wire::FrameType::kBatch:
      return true;
    default:
      return false;
  }
}

// Ops by their ids, some of which may have none.
std::string Named(std::span<const std::string_view> ids, size_t count) {
  std::string text;
  for (size_t i = 0; i < ids.size() && i < kIdsInError; ++i) {
    text.append(i == 0 ? "" : ", ").append(ids[i]);
  }
  const size_t named = std::min(ids.size(), kIdsInError);
  if (named == 0) {
    text.append(std::to_string(count)).append(" without id");
  } else if (count > named) {
    text.append(" and ").append(std::to_string(count - named)).append(" more");
  }
  return text;
}

}  // namespace

WritePath::WritePath(ConnectionId id, std::string origin, const Principal& principal,
                     Session& session, LoopContext& context, Tracer::Upgrade* upgrade)
    : id_(id),
      origin_(std::move(origin)),
      principal_(principal),
      session_(session),
      context_(context),
      tracer_(context.probe.tracer()),
      upgrade_(upgrade),
      ledger_(static_cast<AckLedger::Output&>(*this), context.table.concern_stats()) {}

WritePath::~WritePath() {
  if (followed_ != nullptr) tracer_.FrameLost(*followed_, "the connection has ended");
}

void WritePath::OnOps(std::span<const wire::Op> ops, const BatchTerms& batch) {
  if (!ops.empty() && context_.sink.Overloaded()) {
    context_.probe.FrameDropped(DropReason::kOverloaded);
    SendError(kTooManyRequests, kOverloadText);
    context_.table.OweRevival(id_, context_.now);
    return Lose(ops, batch);
  }
  if (!ops.empty() && context_.access.state() == AccessControl::State::kUnknown) {
    // What is not known to be forbidden is not refused for good.
    context_.probe.FrameDropped(DropReason::kPoliciesUnknown);
    SendError(kTooManyRequests, kPoliciesText);
    context_.table.OweRevival(id_, context_.now + kPoliciesRetry);
    return Lose(ops, batch);
  }
  Validate(ops, batch);
  if (!refusals_.empty()) SendRefusals(ops);
  Apply(ops, batch);
  if (ledger_.has_deadlines()) context_.table.WatchDeadlines(id_);
  UpdatePause();
}

void WritePath::OnRateLimited(std::span<const wire::Op> ops, const BatchTerms& batch) {
  context_.probe.FrameDropped(DropReason::kRateLimited);
  SendError(kTooManyRequests, kRateText);
  if (ops.empty() && !AsksForData(context_.frame.type)) return;
  // By then the bucket is full again.
  const std::chrono::duration<double> recovery(context_.options.ops_burst /
                                               context_.options.ops_per_second);
  context_.table.OweRevival(
      id_, context_.now + std::chrono::duration_cast<std::chrono::milliseconds>(recovery));
  Lose(ops, batch);
}

void WritePath::Validate(std::span<const wire::Op> ops, const BatchTerms& batch) {
  refusals_.clear();
  const std::string error(batch.error);
  for (size_t i = 0; i < ops.size(); ++i) {
    std::string reason =
        error.empty() ? wire::ValidateOp(ops[i], context_.options.op_limits) : error;
    if (reason.empty() && !MayWrite(ops[i])) {
      reason.append("write access denied for map: ").append(ops[i].map);
      refusals_.push_back({.index = i, .code = kForbidden, .reason = std::move(reason)});
      continue;
    }
    if (reason.empty()) continue;
    // The decoder has already said where; the limits know only the field.
    if (error.empty() && ops[i].error.empty() && ops.size() > 1) {
      reason = "ops[" + std::to_string(i) + "]." + reason;
    }
    refusals_.push_back({.index = i, .code = kBadRequest, .reason = std::move(reason)});
  }
}

bool WritePath::MayWrite(const wire::Op& op) const {
  // Removals count as writes (core.md 10).
  return context_.access.open() ||
         context_.access.Check(principal_, Action::kWrite, op.map, op.value) == Decision::kAllow;
}

// ERROR first, so that a client sees why before anything is acknowledged.
void WritePath::SendRefusals(std::span<const wire::Op> ops) {
  SendReasons();
  SendDenials(ops);
  for (const Refusal& refusal : refusals_) {
    const wire::Op& op = ops[refusal.index];
    if (op.has_id) SendRejected(op.id, refusal.reason, refusal.code);
  }
}

void WritePath::SendRejected(std::string_view id, std::string_view reason, int64_t code) {
  std::string frame;
  wire::EncodeOpRejected({.op_id = id, .reason = reason, .code = code}, frame);
  session_.Reply(std::move(frame));
}

// Of invalid ops, in one text.
void WritePath::SendReasons() {
  std::string text;
  std::string_view latest;
  size_t count = 0;
  for (const Refusal& refusal : refusals_) {
    if (refusal.code != kBadRequest || ++count > kReasonsInError) continue;
    if (refusal.reason == latest) continue;
    latest = refusal.reason;
    text.append(text.empty() ? "" : "; ").append(latest);
  }
  if (count == 0) return;
  if (count > kReasonsInError) {
    text.append("; and ").append(std::to_string(count - kReasonsInError)).append(" more");
  }
  SendError(kBadRequest, text);
}

// One ERROR per forbidden map, because its text is known to clients (core.md 10).
void WritePath::SendDenials(std::span<const wire::Op> ops) {
  std::vector<std::string_view> told;
  for (const Refusal& refusal : refusals_) {
    const std::string_view map = ops[refusal.index].map;
    if (refusal.code != kForbidden || told.size() == kDenialsMax) continue;
    if (std::find(told.begin(), told.end(), map) != told.end()) continue;
    told.push_back(map);
    SendError(kForbidden, refusal.reason);
  }
}

void WritePath::Apply(std::span<const wire::Op> ops, const BatchTerms& batch) {
  size_t joined = 0;
  size_t nothing = 0;
  auto refusal = refusals_.begin();
  followed_ = tracer_.Follow(context_.now, upgrade_, std::move(followed_));
  const uint64_t first_op = ledger_.next_op();
  ledger_.BeginFrame(context_.now);
  for (size_t i = 0; i < ops.size(); ++i) {
    const wire::Op& op = ops[i];
    if (refusal != refusals_.end() && refusal->index == i) {
      ledger_.AddRefused(op, std::move(refusal->reason));
      ++refusal;
      continue;
    }
    const WriteTerms terms = TermsOf(op, batch, context_.now);
    if (op.kind == wire::OpKind::kNothing) {
      ledger_.AddFinished(op, terms);
      ++nothing;
    } else if (const auto number = ledger_.Add(op, terms)) {
      context_.sink.Submit(op, terms.concern, origin_, {.connection = id_, .op = *number});
    } else {
      ++joined;
    }
  }
  context_.probe.Ops(OpFate::kJoined, joined);
  context_.probe.Ops(OpFate::kNothing, nothing);
  context_.probe.Ops(OpFate::kRefused, refusals_.size());
  if (followed_ != nullptr && followed_->received == context_.now) Follow(first_op);
  ledger_.EndFrame();
}

// The frame at hand, whose own ops begin with this one.
void WritePath::Follow(uint64_t first_op) {
  followed_->submitted = std::chrono::steady_clock::now();
  followed_->ops = ledger_.next_op() - first_op;
  followed_->refused = refusals_.size();
  followed_->type = wire::Name(context_.frame.type);
  context_.sink.Follow({.connection = id_, .op = first_op}, *followed_);
}

void WritePath::Lose(std::span<const wire::Op> ops, const BatchTerms& batch) {
  context_.probe.Ops(OpFate::kDropped, ops.size());
  for (const wire::Op& op : ops) {
    if (!ledger_.RememberLost(op, TermsOf(op, batch, context_.now).concern)) {
      return session_.Close(CloseCause::kOverload);
    }
  }
}

void WritePath::Trim() {
  ledger_.Trim();
  refusals_ = {};
}

void WritePath::SendError(int64_t code, std::string_view message) {
  if (quiet_) return;
  context_.probe.ErrorSent(code);
  tracer_.ErrorSent(code, message, context_.now, upgrade_);
  std::string frame;
  wire::EncodeError({.code = code, .message = message, .details = {}}, frame);
  session_.Reply(std::move(frame));
}

void WritePath::SendAck(const wire::OpAckFrame& ack) {
  std::string frame;
  wire::EncodeOpAck(ack, frame);
  session_.Reply(std::move(frame));
  context_.probe.AckSent();
}

void WritePath::OnAck(const wire::OpAckFrame& ack, AckLedger::Time received) {
  SendAck(ack);
  const bool followed = followed_ != nullptr && followed_->received == received;
  if (ack.achieved_level) {
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - received;
    context_.probe.Acked(*ack.achieved_level, waited.count());
    const bool traced = followed && followed_->traced != nullptr;
    if (waited.count() > tracer_.slow_seconds() && !traced) {
      tracer_.FrameWasSlow(received, upgrade_);
    }
  }
  if (followed) tracer_.FrameAcked(*std::exchange(followed_, nullptr));
  UpdatePause();
}

void WritePath::OnResults(const wire::OpAckFrame& ack) { SendAck(ack); }

void WritePath::OnFrameLost() {
  SendError(kTooManyRequests, kOverloadText);
  context_.table.OweRevival(id_, context_.now);
  if (ledger_.holes() > AckLedger::kHolesMax) session_.Close(CloseCause::kOverload);
}

void WritePath::OnRejected(std::span<const std::string_view> ids, size_t count) {
  SendError(kConflict, std::string(kRejectedText) + ": " + Named(ids, count));
  for (const std::string_view id : ids) SendRejected(id, kRejectedText, kConflict);
}

void WritePath::OnTimedOut(std::span<const std::string_view> ids, size_t count) {
  SendError(kTimedOut, "timeout: not applied yet, still trying: " + Named(ids, count));
  if (ledger_.holes() > AckLedger::kHolesMax) session_.Close(CloseCause::kOverload);
}

void WritePath::PauseReading(Pause why, bool paused) {
  pauses_.set(static_cast<size_t>(why), paused);
  UpdatePause();
}

void WritePath::UpdatePause() {
  const size_t frames_max = context_.options.frames_in_flight_max;
  const bool full = ledger_.waiting() > (paused_ ? frames_max / 2 : frames_max);
  const bool wanted = full || pauses_.any();
  if (wanted == paused_) return;
  paused_ = wanted;
  session_.PauseReading(wanted);
}

}  // namespace topgun::gateway
