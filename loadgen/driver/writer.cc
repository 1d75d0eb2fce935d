#include "driver/writer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

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

std::unique_ptr<OpChannel> MakeChannel(boost::asio::io_context& io, const RunContext& context,
                                       uint32_t index, RunStats& stats, wire::ServerFrame& decoded,
                                       OpChannel::Listener& listener) {
  const Config& config = context.config();
  if (config.target.http_sync) {
    return MakeHttpChannel(io, context.SessionOf(index), NodeId(context.run(), index), stats,
                           listener);
  }
  return MakeFrameChannel(io, context.SessionOf(index), config.load.batch,
                          ConcernName(config.load.write_concern), stats, decoded, listener);
}

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
      channel_(MakeChannel(io, context, index, stats, decoded, *this)),
      source_(context.keys(), context.SourceOf(index), NodeId(context.run(), index)),
      encoder_(context.keys(), context.values(), context.run(), index),
      frames_(stats),
      queries_(context, *channel_, stats),
      thinker_(io, context.config().load.think, context.SourceOf(index).seed,
               [this] {
                 if (quota_ > 0) SendTurn();
               }),
      closed_loop_(!context.config().load.open_loop()),
      write_share_(context.config().data.mix.write_share()),
      puts_per_read_(context.config().data.mix.puts_per_read()),
      duplicates_(context.SourceOf(index).seed),
      reorders_(~context.SourceOf(index).seed) {}

double Writer::OpsPerTurn(const Config& config) {
  const double write_share = config.data.mix.write_share();
  return write_share == 0 ? 1 : config.load.batch / write_share;
}

void Writer::StartWriting(uint64_t quota) {
  closed_loop_ = !context_.config().load.open_loop();
  quota_ = quota;
  FillWindow();
}

void Writer::StopWriting() {
  quota_ = 0;
  thinker_.Cancel();
  SendHeldBack();
}

void Writer::StartPreload() {
  closed_loop_ = true;
  quota_ = source_.StartPreload(index_, context_.config().load.connections);
  FillWindow();
}

void Writer::OnReady() {
  held_back_.reset();
  TransmitAllUnacked();
  queries_.SendAllAgain();
  FillWindow();
}

void Writer::FillWindow() {
  if (!closed_loop_ || !ready()) return;
  const uint32_t window = context_.config().load.inflight;
  while (quota_ > 0 && frames_.size() + queries_.outstanding() + thinker_.thinking() < window) {
    if (thinker_.enabled() && !source_.preloading()) {
      thinker_.Think();
    } else {
      SendTurn();
    }
  }
}

// Closed loop: one frame or one query.
void Writer::SendTurn() {
  const int64_t now_ns = NowNs();
  if (QueryDue() && !source_.preloading()) {
    SendQuery(now_ns, now_ns);
  } else {
    SendNext(now_ns, now_ns);
  }
}

void Writer::SendPlanned(int64_t planned_ns) {
  if (quota_ == 0) return;
  if (log_.bytes() > unacked_bytes_max_ || queries_.full()) {
    ++stats_.frames_dropped;
    return;
  }
  const int64_t now_ns = NowNs();
  const int64_t lag_ns = now_ns - planned_ns;
  stats_.schedule_lag.Record(lag_ns);
  if (lag_ns > kLateNs) ++stats_.frames_late;
  if (write_share_ > 0) SendNext(planned_ns, now_ns);
  do {
    if (QueryDue() && quota_ > 0) SendQuery(planned_ns, now_ns);
  } while (reads_due_ >= 1 && quota_ > 0);
}

void Writer::SendQuery(int64_t planned_ns, int64_t now_ns) {
  --quota_;
  if (write_share_ > 0) reads_due_ -= 1;
  puts_due_ += puts_per_read_;
  const bool then_put = puts_due_ >= 1;
  if (then_put) puts_due_ -= 1;
  queries_.Send({0, source_.NextRead(), then_put, planned_ns, now_ns});
  if (quota_ == 0) SendHeldBack();
}

void Writer::SendNext(int64_t planned_ns, int64_t now_ns) {
  Frame& frame = frames_.Add(planned_ns, now_ns);
  AppendBatch(now_ns, &frame);
  SendFrame(frame);
}

// What a query read is written again, modified.
void Writer::SendPut(const Querier::Query& query) {
  const int64_t now_ns = NowNs();
  Frame& frame = frames_.Add(now_ns, now_ns);
  const int64_t now_us = context_.EpochUs(now_ns);
  AppendOp(source_.NextPut(now_us / 1000, query.read.map, query.read.key), now_us, &frame);
  SendFrame(frame);
}

void Writer::SendFrame(Frame& frame) {
  stats_.ops_sent += frame.ops;
  if (!channel_->CanSend()) {
    frame.sent_ns = 0;  // OnReady() sends it
    return;
  }
  if (context_.config().faults.resend == Resend::kFull && log_.size() > frame.ops) {
    stats_.ops_resent += log_.size() - frame.ops;
    TransmitAllUnacked();
    return;
  }
  if (HoldsBack()) {
    frame.sent_ns = 0;
    held_back_ = frame;
    return;
  }
  TransmitNew(frame);
  if (held_back_) ++stats_.frames_reordered;
  SendHeldBack();
}

// Only while another frame will follow.
bool Writer::HoldsBack() {
  const double share = context_.config().faults.reorder;
  if (share == 0 || held_back_ || quota_ == 0 || source_.preloading()) return false;
  // The one that overtakes is not held back itself: among the others the share is larger.
  return reorders_.Unit() < share / (1 - share);
}

void Writer::SendHeldBack() {
  if (!held_back_ || !channel_->CanSend()) return;  // else OnReady() sends it
  const Frame frame = *std::exchange(held_back_, std::nullopt);
  TransmitNew(frame);
  frames_.MarkSent(frame.last_id, NowNs());
}

void Writer::TransmitNew(const Frame& frame) {
  Transmit(frame);
  const double duplicate = context_.config().faults.duplicate;
  if (duplicate == 0 || duplicates_.Unit() >= duplicate) return;
  stats_.ops_resent += frame.ops;
  Transmit(frame);
}

void Writer::AppendBatch(int64_t now_ns, Frame* frame) {
  const auto ops = static_cast<uint32_t>(std::min<uint64_t>(context_.config().load.batch, quota_));
  quota_ -= ops;
  const int64_t now_us = context_.EpochUs(now_ns);
  const bool owes_reads = write_share_ < 1 && !source_.preloading();
  for (uint32_t i = 0; i < ops; ++i) AppendOp(source_.Next(now_us / 1000), now_us, frame);
  if (owes_reads) reads_due_ += ops * (1 - write_share_) / write_share_;
}

void Writer::AppendOp(Op op, int64_t now_us, Frame* frame) {
  if (ledger_ != nullptr) ledger_->OnSent(index_, op);
  encoder_.Append(op, now_us, log_.tail());
  log_.Commit(op);
  frame->Count(op);
}

void Writer::Transmit(const Frame& frame) {
  log_.MarkSent(frame.first_id, frame.last_id);
  channel_->SendOps(frame.ops, log_.Range(frame.first_id, frame.ops));
  ++stats_.frames_sent;
}

void Writer::TransmitAllUnacked() {
  std::string unsettled;  // not kept: sooner or later every connection re-sends once
  size_t index = 0;
  while (index < log_.size() && channel_->CanSend()) {
    unsettled.clear();
    const uint64_t first_id = log_.entries()[index].op.id;
    const uint32_t ops = log_.AppendUnsettled(&index, kResendBytesMax, unsettled);
    if (ops == 0) return;
    const uint64_t last_id = log_.entries()[index - 1].op.id;
    log_.MarkSent(first_id, last_id);
    channel_->SendOps(ops, unsettled);
    ++stats_.frames_sent;
    frames_.MarkSent(last_id, NowNs());
  }
}

void Writer::OnAnswer(const wire::QueryRespFrame& answer) {
  const auto query = queries_.OnAnswer(answer);
  if (!query) return;
  if (query->then_put) SendPut(*query);
  FillWindow();
}

void Writer::OnAck(const wire::OpAckFrame& ack) {
  ++stats_.acks_received;
  std::optional<wire::WriteConcern> level = ack.achieved_level;
  for (const wire::OpResult& result : ack.results) {
    const auto id = LeadingInteger(result.op_id);
    OpLog::Entry* const entry = id ? log_.Find(*id) : nullptr;
    if (entry == nullptr || entry->settled || entry->sent == 0) continue;
    Settle(*entry, result.success, result.achieved_level);
  }
  if (!level && !ack.results.empty()) level = ack.results.back().achieved_level;
  // Without a number everything that was sent is acknowledged: so the stock client reads it.
  const uint64_t last_id = LeadingInteger(ack.last_id).value_or(UINT64_MAX);
  log_.Acknowledge(last_id, [&](OpLog::Entry& entry) { Settle(entry, true, ack.achieved_level); });
  log_.DropSettled();
  frames_.FinishSettled(log_, last_id, LevelIndex(level), NowNs());
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

void Writer::SettleRest() {
  if (ledger_ == nullptr) return;
  for (const OpLog::Entry& entry : log_.entries()) {
    if (!entry.settled) ledger_->OnUncertain(index_, entry.op);
  }
}

}  // namespace topgun::loadgen
