// The writes of one connection: validation, refusals, the ack ledger and what follows from
// overload and deadlines (core.md 5; architecture section 4).
//
// Owned by a Connection, on its loop's thread.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/ack_ledger.h"
#include "dispatch/loop_context.h"
#include "dispatch/write_terms.h"
#include "ws/session.h"

namespace topgun::gateway {

class WritePath final : public AckLedger::Output {
 public:
  // `principal` is who writes, as known at each frame.
  // `upgrade` is the trace of the connection; null: it came with none.
  WritePath(ConnectionId id, std::string origin, const Principal& principal, Session& session,
            LoopContext& context, Tracer::Upgrade* upgrade);
  ~WritePath() override;
  WritePath(const WritePath&) = delete;
  WritePath& operator=(const WritePath&) = delete;

  // Ops of one frame.
  void OnOps(std::span<const wire::Op> ops, const BatchTerms& batch);
  // A frame with ops that was dropped by the rate limiter.
  void OnRateLimited(std::span<const wire::Op> ops, const BatchTerms& batch);
  // Answers ops whose deadline has passed. False: none has one any more.
  bool Expire(AckLedger::Time now) { return ledger_.Expire(now); }

  void OnOpDone(uint64_t op, OpOutcome outcome) { ledger_.Done(op, outcome); }
  void OnConcernMet(uint64_t op, wire::WriteConcern level) { ledger_.ConcernMet(op, level); }
  void OnOpReopened(uint64_t op) { ledger_.Reopen(op); }
  bool AwaitsAck(uint64_t op) const { return ledger_.AwaitsAck(op); }
  // Runs once all writes that came before are applied or refused, acknowledged or not.
  void AfterWrites(std::function<void()> run) { ledger_.AddBarrier(std::move(run)); }
  bool idle() const { return ledger_.empty(); }
  uint64_t unacked_ops() const { return ledger_.unacked_ops(); }
  // The socket is not read, for whatever reason.
  bool paused() const { return paused_; }
  // Gives back memory that only load needs. Only while idle.
  void Trim();
  // The client holds writes that were refused for now and have not come again.
  bool has_lost() const { return ledger_.holes() > 0; }

  // Failures of what is inside a BATCH are silent (core.md 1.5).
  void set_quiet(bool quiet) { quiet_ = quiet; }
  void SendError(int64_t code, std::string_view message);
  // The socket is read when nobody wants it paused. From outside the ledger:
  enum class Pause : uint8_t { kLeave, kSync, kPush, kPolicies };
  void PauseReading(Pause why, bool paused);

  void OnAck(const wire::OpAckFrame& ack, AckLedger::Time received) override;
  void OnResults(const wire::OpAckFrame& ack) override;
  void OnFrameLost() override;
  void OnRejected(std::span<const std::string_view> ids, size_t count) override;
  void OnTimedOut(std::span<const std::string_view> ids, size_t count) override;

 private:
  struct Refusal {
    size_t index = 0;
    int64_t code = 0;
    std::string reason;
  };

  void Validate(std::span<const wire::Op> ops, const BatchTerms& batch);
  bool MayWrite(const wire::Op& op) const;
  void SendRefusals(std::span<const wire::Op> ops);
  void SendRejected(std::string_view id, std::string_view reason, int64_t code);
  void SendReasons();
  void SendDenials(std::span<const wire::Op> ops);
  void Apply(std::span<const wire::Op> ops, const BatchTerms& batch);
  void Lose(std::span<const wire::Op> ops, const BatchTerms& batch);
  void Follow(uint64_t first_op);
  void SendAck(const wire::OpAckFrame& ack);
  void UpdatePause();

  const ConnectionId id_;
  const std::string origin_;
  const Principal& principal_;
  Session& session_;
  LoopContext& context_;
  Tracer& tracer_;
  Tracer::Upgrade* const upgrade_;
  AckLedger ledger_;
  std::vector<Refusal> refusals_;            // of the frame at hand
  std::unique_ptr<Tracer::Frame> followed_;  // waits for its ack
  bool quiet_ = false;
  std::bitset<4> pauses_;  // by Pause
  bool paused_ = false;
};

}  // namespace topgun::gateway
