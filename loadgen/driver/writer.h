// A connection that writes. Keeps the log of what is unacknowledged, sends frames, settles
// operations as acknowledgements come, and re-sends after every AUTH_ACK (core.md 2.6, 5.3).
//
// Closed loop: keeps `inflight` frames or queries on the way and sends the next when one is
// acknowledged or answered and the think time is over.
// Open loop: sends when the Pacer says so, whatever is on the way; while the connection is down,
// or takes no more (OpChannel), frames are only logged, as an offline client would.
//
// With --reorder a share of the frames is held back and leaves behind the next one. What is held
// back when the connection is lost is re-sent with everything else, in order. Owned by a Worker;
// its thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "client/op_channel.h"
#include "driver/frames_on_the_way.h"
#include "driver/op_log.h"
#include "driver/querier.h"
#include "driver/run_context.h"
#include "driver/thinker.h"
#include "stats/run_stats.h"
#include "verify/ledger.h"
#include "workload/op_encoder.h"
#include "workload/op_source.h"

namespace topgun::loadgen {

class Writer final : private OpChannel::Listener {
 public:
  // All must outlive the writer; `ledger` may be null.
  Writer(boost::asio::io_context& io, const RunContext& context, uint32_t index, RunStats& stats,
         wire::ServerFrame& decoded, Ledger* ledger);

  void Connect() { channel_->Start(); }
  void Disconnect() { channel_->Stop(); }

  // At most `quota` operations will be written; the closed loop starts by itself.
  void StartWriting(uint64_t quota);
  void StopWriting();
  // Writes every key once that is this connection's share, as a closed loop whatever the model.
  void StartPreload();
  // Open loop: one frame with the queries that belong to it, planned for the given time.
  void SendPlanned(int64_t planned_ns);
  // Operations and queries of one SendPlanned().
  static double OpsPerTurn(const Config& config);

  // Faults, see Session. An open loop goes on writing into the log meanwhile.
  void Break() { channel_->Break(); }
  void GoAway() { channel_->GoAway(); }
  void ComeBack() { channel_->ComeBack(); }

  // Tells the ledger about everything still unacknowledged. Call once, at the very end.
  void SettleRest();

  bool ready() const { return channel_->ready(); }
  const std::string& refusal() const { return channel_->refusal(); }
  // Nothing left to send, nothing unacknowledged and nothing unanswered.
  bool Drained() const { return quota_ == 0 && log_.empty() && queries_.outstanding() == 0; }
  uint64_t unacked_ops() const { return log_.size(); }
  uint64_t unanswered_queries() const { return queries_.outstanding(); }

 private:
  using Frame = FramesOnTheWay::Frame;

  void OnReady() override;
  void OnAck(const wire::OpAckFrame& ack) override;
  void OnAnswer(const wire::QueryRespFrame& answer) override;

  void FillWindow();
  void SendTurn();
  bool QueryDue() const { return write_share_ == 0 || reads_due_ >= 1; }
  void SendQuery(int64_t planned_ns, int64_t now_ns);
  void SendNext(int64_t planned_ns, int64_t now_ns);
  void SendFrame(Frame& frame);
  void SendPut(const Querier::Query& query);
  // Fills in the operations.
  void AppendBatch(int64_t now_ns, Frame* frame);
  void AppendOp(Op op, int64_t now_us, Frame* frame);
  // Whether the frame at hand is to leave behind the next one.
  bool HoldsBack();
  // What was held back leaves now, if there is such a frame.
  void SendHeldBack();
  // Once, or twice with --duplicate.
  void TransmitNew(const Frame& frame);
  void Transmit(const Frame& frame);
  void TransmitAllUnacked();
  void Settle(OpLog::Entry& entry, bool success, std::optional<wire::WriteConcern> level);

  const RunContext& context_;
  const uint32_t index_;
  const size_t unacked_bytes_max_;
  RunStats& stats_;
  Ledger* const ledger_;
  const std::unique_ptr<OpChannel> channel_;
  OpSource source_;
  OpEncoder encoder_;
  OpLog log_;
  FramesOnTheWay frames_;
  Querier queries_;
  Thinker thinker_;
  uint64_t quota_ = 0;
  bool closed_loop_;
  // How the mix parts: `write_share_` of all, and how many reads are owed to the writes so far.
  const double write_share_;
  const double puts_per_read_;
  double reads_due_ = 0;
  double puts_due_ = 0;  // after reads
  Random duplicates_;
  Random reorders_;
  std::optional<Frame> held_back_;
};

}  // namespace topgun::loadgen
