// Which frames of one connection are not acknowledged yet, and what may be said to the client
// (core.md 5.3; architecture section 4).
//
// Acks leave in frame order: frames wait in a FIFO with the number of their open ops. The stock
// client sends everything unacknowledged with every write, so an op that is still in the ledger is
// joined, not sent again. Joining costs nothing but the op's number: its first frame stands ahead
// in the FIFO, so a later frame cannot be acknowledged before it.
//
// `lastId` makes the client delete every smaller id. Therefore it only ever names the end of a
// contiguous run of finished ops; everything behind a refused op is named in `results`. Ops that
// were given up (429) leave a hole: until the client has sent them again, acks name every op in
// `results` and leave `lastId` where it was.
//
// Reads wait in the same FIFO as barriers, so that a connection sees its own writes.
//
// Belongs to a connection; not thread-safe. The output must not change the ledger from inside its
// callbacks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "dispatch/io.h"
#include "dispatch/op_identity.h"
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
    // A frame was given up: ERROR 429, no ack.
    virtual void OnFrameLost() = 0;
  };

  // More lost ops than this are not remembered; the connection must then end.
  static constexpr size_t kLostMax = 65'536;

  explicit AckLedger(Output& output) : output_(output) {}

  // One frame: BeginFrame, one Add*() per op in frame order, EndFrame.
  void BeginFrame(Time received);
  // The op's number when it is to be submitted; nothing when it joins one in flight.
  std::optional<uint64_t> Add(const wire::Op& op);
  // Finished on arrival: it changes nothing.
  void AddFinished(const wire::Op& op);
  void AddRefused(const wire::Op& op, std::string reason);
  void EndFrame();

  // Runs when everything before it is finished; at once when nothing is open.
  void AddBarrier(std::function<void()> run);

  // The outcome of a submitted op; ignored unless the op is open.
  void Done(uint64_t op, OpOutcome outcome);
  // A finished op whose ack has not left is open again.
  void Reopen(uint64_t op);

  // The op was dropped without entering the ledger, so no ack may reach past it. False: too many.
  bool RememberLost(const wire::Op& op);

  bool AwaitsAck(uint64_t op) const { return op >= acked_ops_; }
  bool empty() const { return frames_.empty(); }
  size_t frames() const { return frames_.size(); }
  size_t lost() const { return lost_.size(); }

 private:
  enum class State : uint8_t { kOpen, kFinished, kRefused, kLost };

  struct Record {
    OpIdentity identity;
    uint64_t frame = 0;       // the one that brought it
    uint64_t last_frame = 0;  // the last one that contains it
    State state = State::kOpen;
    bool has_id = false;
    std::string id;
  };
  struct Range {
    uint64_t first = 0;
    uint64_t count = 0;
  };
  struct Frame {
    Time received;
    std::vector<Range> ranges;  // the ops in frame order
    uint64_t new_ops_end = 0;   // numbers below belong to this frame or an earlier one
    uint64_t open = 0;
    std::function<void()> barrier;
  };

  Record& RecordOf(uint64_t op) { return records_[op - first_op_]; }
  const Record& RecordOf(uint64_t op) const { return records_[op - first_op_]; }
  Record& NewRecord(const wire::Op& op);
  void Contain(uint64_t op);
  void Advance();
  void Finish(const Frame& frame);
  bool ContainsLost(const Frame& frame) const;
  void Acknowledge(const Frame& frame);
  void FillResults(const Frame& frame);
  std::string_view LastIdAfter(const Record* last);
  void ReleaseRecords(uint64_t frame_number);

  Output& output_;
  std::deque<Frame> frames_;
  uint64_t first_frame_ = 0;  // number of frames_.front()
  std::deque<Record> records_;
  uint64_t first_op_ = 0;   // number of records_.front()
  uint64_t acked_ops_ = 0;  // ops below belong to frames that are through
  absl::flat_hash_map<OpIdentity, uint64_t> in_flight_;
  absl::flat_hash_set<OpIdentity> lost_;
  absl::flat_hash_map<uint64_t, std::string> errors_;  // of refused ops, which are rare
  size_t records_with_id_ = 0;
  size_t bad_records_ = 0;  // refused or lost
  bool advancing_ = false;
  std::string last_acked_ = "0";
  wire::OpAckFrame ack_;  // reused
};

}  // namespace topgun::gateway
