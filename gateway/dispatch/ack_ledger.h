// Which ops of one connection are in flight, and when its frames are acknowledged (core.md 5.3 and
// 5.6; architecture section 4). What the acks say is AckComposer's business.
//
// Acks leave in frame order: frames wait in a FIFO with the number of their open ops. An op is open
// until its write concern is met:
//
//   FIRE_AND_FORGET         never: it is finished on arrival
//   MEMORY                  a sync replica holds it, or it is committed
//   APPLIED                 it is committed
//   REPLICATED, PERSISTED   whoever submitted it says so
//
// A frame that waits for persistence holds back the frames behind it, not the reads.
//
// The stock client sends everything unacknowledged with every write, so an op that is still in the
// ledger is joined, not sent again. Joining costs nothing but the op's number: its first frame
// stands ahead in the FIFO, so a later frame cannot be acknowledged before it.
//
// When an op's deadline passes, it no longer holds its frame: if it was applied the client is told
// at once how far it has come. Otherwise it becomes a hole, stays in flight, and is acknowledged by
// itself once it is committed; if it comes again first, the new frame waits for it.
//
// Reads wait as barriers until all ops that came before are committed or refused, so that a
// connection sees its own writes.
//
// Belongs to a connection; not thread-safe. The output must not change the ledger from inside its
// callbacks.
#pragma once

#include <boost/container/deque.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/ack_composer.h"
#include "dispatch/io.h"
#include "dispatch/op_records.h"
#include "dispatch/write_terms.h"
#include "wire/op.h"
#include "wire/server_frame.h"

namespace topgun::gateway {

class AckLedger {
 public:
  using Time = std::chrono::steady_clock::time_point;

  class Output {
   public:
    virtual ~Output() = default;
    virtual void OnAck(const wire::OpAckFrame& ack, Time received) = 0;
    // Of single ops, beside the acks of frames.
    virtual void OnResults(const wire::OpAckFrame& ack) = 0;
    // A frame was given up: ERROR 429, no ack.
    virtual void OnFrameLost() = 0;
    // Ops that the cluster refused for good, before the ack that says so. Without an id: counted.
    virtual void OnRejected(std::span<const std::string_view> ids, size_t count) = 0;
    // Ops that were not applied by their deadline: ERROR 504. Those without an id are only counted.
    virtual void OnTimedOut(std::span<const std::string_view> ids, size_t count) = 0;
  };

  // More holes than this are not remembered; the connection must then end.
  static constexpr size_t kHolesMax = 65'536;

  AckLedger(Output& output, ConcernStats& stats)
      : output_(output), stats_(stats), acks_(records_, stats) {}
  ~AckLedger();
  AckLedger(const AckLedger&) = delete;
  AckLedger& operator=(const AckLedger&) = delete;

  // One frame: BeginFrame, one Add*() per op in frame order, EndFrame.
  void BeginFrame(Time received);
  // The op's number when it is to be submitted; nothing when it joins one in flight.
  std::optional<uint64_t> Add(const wire::Op& op, const WriteTerms& terms);
  // Finished on arrival: it changes nothing.
  void AddFinished(const wire::Op& op, const WriteTerms& terms);
  void AddRefused(const wire::Op& op, std::string reason);
  void EndFrame() { Advance(); }

  // The number that the next new op gets.
  uint64_t next_op() const { return records_.end(); }

  // Runs when everything before it is committed or refused; at once when it is already.
  void AddBarrier(std::function<void()> run);

  // The outcome of a submitted op; ignored unless it is expected.
  void Done(uint64_t op, OpOutcome outcome);
  // The op's concern is met as far as the cluster can meet it; it has come to this level.
  void ConcernMet(uint64_t op, wire::WriteConcern level);
  // A committed op whose ack has not left is on its way again.
  void Reopen(uint64_t op);

  // Deals with the ops whose deadline has passed. False: no op has a deadline any more.
  bool Expire(Time now);
  bool has_deadlines() const { return !deadlines_.empty(); }

  // The op was dropped without entering the ledger, so no ack may reach past it. False: too many.
  bool RememberLost(const wire::Op& op, wire::WriteConcern concern);

  // True while its outcome matters to an ack to come.
  bool AwaitsAck(uint64_t op) const { return op >= acked_ops_ || AwaitsLateAck(op); }
  bool empty() const { return frames_.empty() && barriers_.empty(); }
  // Gives back memory that only load needs. Only while empty.
  void Trim();
  // Frames and barriers that wait.
  size_t waiting() const { return frames_.size() + barriers_.size(); }
  size_t holes() const { return acks_.holes(); }
  // Ops of frames that are not acknowledged yet.
  uint64_t unacked_ops() const { return records_.end() - acked_ops_; }

 private:
  using State = OpRecord::State;

  struct Barrier {
    uint64_t ops_end = 0;
    std::function<void()> run;
  };

  uint64_t CurrentFrame() const { return first_frame_ + frames_.size() - 1; }
  bool AwaitsLateAck(uint64_t op) const;
  OpRecord& NewRecord(const wire::Op& op, const WriteTerms& terms);
  bool Join(uint64_t op, const WriteTerms& terms);
  void Contain(uint64_t op);
  void SetDeadline(uint64_t op, WriteTerms::Time deadline);
  void Open(OpRecord& record);
  void Close(OpRecord& record, State state);
  void Meet(OpRecord& record);
  void Applied(uint64_t op, OpRecord& record);
  void AcknowledgeLate(uint64_t op, OpRecord& record);
  void ExpireOp(uint64_t op, OpRecord& record);
  void Advance();
  void Finish(const PendingFrame& frame, uint64_t number, uint64_t own_ops);
  template <typename Visit>
  void ForEachOp(const PendingFrame& frame, Visit visit);
  bool ContainsLost(const PendingFrame& frame);
  void TellRejected(const PendingFrame& frame);
  void RunBarriers();

  Output& output_;
  ConcernStats& stats_;
  OpRecords records_;
  AckComposer acks_;
  // Most connections are idle: unlike std::deque these own nothing while they are empty.
  boost::container::deque<PendingFrame> frames_;
  uint64_t first_frame_ = 0;    // number of frames_.front()
  uint64_t acked_ops_ = 0;      // ops below came with frames that are through
  uint64_t committed_ops_ = 0;  // ops below are committed or refused; advanced for barriers only
  std::list<Barrier> barriers_;
  std::set<std::pair<Time, uint64_t>> deadlines_;
  std::vector<std::string_view> timed_out_;  // reused
  std::vector<std::string_view> rejected_;   // reused
  size_t timed_out_count_ = 0;
  bool advancing_ = false;
};

}  // namespace topgun::gateway
