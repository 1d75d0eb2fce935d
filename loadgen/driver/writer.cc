#include "driver/writer.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace topgun::loadgen {
namespace {

// An open loop against a target that does not answer must not take all memory.
constexpr size_t kUnackedBytesMaxTotal = size_t{1} << 30;
constexpr size_t kUnackedBytesMin = size_t{4} << 20;

// After a long outage the log is larger than the message a server must accept (2 MiB, core.md 1.1).
constexpr size_t kResendBytesMax = size_t{1} << 20;

// What the client does with `lastId`: the leading integer, if there is one.
std::optional<uint64_t> LeadingInteger(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::string_view ConcernName(const std::optional<wire::WriteConcern>& concern) {
  return concern ? wire::Name(*concern) : std::string_view();
}

static_assert(kOpKinds == static_cast<size_t>(wire::OpKind::kNothing));

size_t LevelIndex(const std::optional<wire::WriteConcern>& level) {
  return level ? static_cast<size_t>(*level) : kLevelNone;
}

}  // namespace

Writer::Writer(boost::asio::io_context& io, const RunContext& context, uint32_t index,
               RunStats& stats, wire::ServerFrame& decoded, Ledger* ledger)
    : context_(context),
      index_(index),
      unacked_bytes_max_(
          std::max(kUnackedBytesMin, kUnackedBytesMaxTotal / context.config().load.connections)),
      stats_(stats),
      ledger_(ledger),
      session_(io, context.SessionOf(index), stats, decoded, *this),
      source_(context.keys(), context.SourceOf(index), NodeId(context.run(), index)),
      encoder_(context.keys(), context.values(), context.run(), index),
      batch_tail_(OpBatchTail(ConcernName(context.config().load.write_concern))),
      full_batch_head_(OpBatchHead(context.config().load.batch, !batch_tail_.empty())) {}

void Writer::StartWriting(uint64_t quota) {
  quota_ = quota;
  FillWindow();
}

void Writer::OnReady() {
  TransmitAllUnacked();
  FillWindow();
}

void Writer::FillWindow() {
  if (context_.config().load.open_loop() || !ready()) return;
  while (quota_ > 0 && frames_.size() < context_.config().load.inflight) {
    const int64_t now_ns = NowNs();
    SendNext(now_ns, now_ns);
  }
}

void Writer::SendPlanned(int64_t planned_ns) {
  if (quota_ == 0) return;
  if (log_.bytes() > unacked_bytes_max_) {
    ++stats_.frames_dropped;
    return;
  }
  const int64_t now_ns = NowNs();
  const int64_t lag_ns = now_ns - planned_ns;
  stats_.schedule_lag.Record(lag_ns);
  if (lag_ns > kLateNs) ++stats_.frames_late;
  SendNext(planned_ns, now_ns);
}

void Writer::SendNext(int64_t planned_ns, int64_t now_ns) {
  FrameOnTheWay& frame = frames_.emplace_back();
  frame.planned_ns = planned_ns;
  frame.sent_ns = now_ns;
  AppendBatch(now_ns, &frame);
  frame.last_id = log_.entries().back().op.id;
  const uint32_t ops = frame.ops;
  stats_.ops_sent += ops;
  if (!ready()) return;  // OnReady() sends it
  if (context_.config().faults.resend == Resend::kFull && log_.size() > ops) {
    stats_.ops_resent += log_.size() - ops;
    TransmitAllUnacked();
  } else {
    Transmit(ops);
  }
}

void Writer::AppendBatch(int64_t now_ns, FrameOnTheWay* frame) {
  const auto ops = static_cast<uint32_t>(std::min<uint64_t>(context_.config().load.batch, quota_));
  quota_ -= ops;
  const int64_t now_us = context_.EpochUs(now_ns);
  for (uint32_t i = 0; i < ops; ++i) {
    Op op = source_.Next(now_us / 1000);
    if (ledger_ != nullptr) ledger_->OnSent(index_, op);
    encoder_.Append(op, now_us, log_.tail());
    log_.Commit(op);
    ++frame->ops_by_kind[static_cast<size_t>(op.kind)];
  }
  frame->ops = ops;
}

void Writer::Transmit(uint32_t new_ops) {
  const bool full = new_ops == context_.config().load.batch;
  if (!full) scratch_ = OpBatchHead(new_ops, !batch_tail_.empty());
  session_.Send({full ? full_batch_head_ : scratch_, log_.Newest(new_ops), batch_tail_});
  ++stats_.frames_sent;
}

void Writer::TransmitAllUnacked() {
  size_t index = 0;
  while (index < log_.size()) {
    scratch_.clear();
    const uint32_t ops = log_.AppendUnsettled(&index, kResendBytesMax, scratch_);
    if (ops == 0) return;
    session_.Send({OpBatchHead(ops, !batch_tail_.empty()), scratch_, batch_tail_});
    ++stats_.frames_sent;
  }
}

void Writer::OnFrame(const wire::ServerFrame& frame) {
  if (frame.type == wire::FrameType::kOpAck) OnAck(frame.op_ack);
}

void Writer::OnAck(const wire::OpAckFrame& ack) {
  ++stats_.acks_received;
  std::optional<wire::WriteConcern> level = ack.achieved_level;
  for (const wire::OpResult& result : ack.results) {
    const auto id = LeadingInteger(result.op_id);
    OpLog::Entry* const entry = id ? log_.Find(*id) : nullptr;
    if (entry != nullptr && !entry->settled) Settle(*entry, result.success, result.achieved_level);
  }
  if (!level && !ack.results.empty()) level = ack.results.back().achieved_level;
  // Without a number everything is acknowledged: that is how the stock client reads it.
  const uint64_t last_id = LeadingInteger(ack.last_id).value_or(UINT64_MAX);
  while (!log_.empty() && (log_.front().op.id <= last_id || log_.front().settled)) {
    if (!log_.front().settled) Settle(log_.front(), true, ack.achieved_level);
    log_.PopFront();
  }
  FinishFrames(LevelIndex(level));
  FillWindow();
}

void Writer::Settle(OpLog::Entry& entry, bool success, std::optional<wire::WriteConcern> level) {
  entry.settled = true;
  if (!success) {
    ++stats_.ops_refused;
    if (ledger_ != nullptr) ledger_->OnUncertain(index_, entry.op);
    return;
  }
  ++stats_.ops_acked;
  ++stats_.acked_by_level[LevelIndex(level)];
  if (ledger_ != nullptr) ledger_->OnAcked(index_, entry.op);
  if (entry.op.kind == wire::OpKind::kOrAdd) source_.OnRecordAcked(entry.op);
}

void Writer::FinishFrames(size_t level) {
  const uint64_t settled_below = log_.first_id();
  int64_t now_ns = 0;
  while (!frames_.empty() && frames_.front().last_id < settled_below) {
    const FrameOnTheWay& frame = frames_.front();
    if (now_ns == 0) now_ns = NowNs();
    const int64_t planned_ns = now_ns - frame.planned_ns;
    const int64_t sent_ns = now_ns - frame.sent_ns;
    stats_.ack_latency.Record(planned_ns, frame.ops);
    stats_.ack_latency_sent.Record(sent_ns, frame.ops);
    stats_.ack_by_level[level].Record(planned_ns, frame.ops);
    for (size_t kind = 0; kind < kOpKinds; ++kind) {
      stats_.ack_by_kind[kind].Record(planned_ns, frame.ops_by_kind[kind]);
      stats_.ack_sent_by_kind[kind].Record(sent_ns, frame.ops_by_kind[kind]);
    }
    frames_.pop_front();
  }
}

void Writer::SettleRest() {
  if (ledger_ == nullptr) return;
  for (const OpLog::Entry& entry : log_.entries()) {
    if (!entry.settled) ledger_->OnUncertain(index_, entry.op);
  }
}

}  // namespace topgun::loadgen
