// The writes of one shard, in order: what is being filled, what waits, what is in flight, and what
// is committed but still needed, because an ack that covers it has not left or because an op waits
// until it is persisted (core.md 5.6).
//
// REPLICATED is confirmed by the commit's result; where it is not, PERSISTED takes its place. A
// position counts as persisted only under the incarnation that it was committed under. Without
// storage there is nothing to wait for, and the level stays APPLIED.
//
// At most kInFlightMax ordinary parts are in flight, so a batch is whatever arrived while the last
// ones were. The lane does not send; its ApplyClient takes parts from it. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "backend/part.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class Replica;

using PartPtr = std::shared_ptr<Part>;

class ShardLane {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A part's result. Not replicated: the shard's Redis has no replicas, or not all have confirmed.
  struct Commit {
    state::Position position;
    std::string_view outcomes;  // one crdt::v1::Outcome per op
    bool replicated = false;
    bool never_persisted = false;  // the cluster has no storage
  };

  static constexpr size_t kInFlightMax = 2;
  // Parts in flight, beside those, that wait for replicas of Redis after their commit.
  static constexpr size_t kReplicatingMax = 16;
  // How long a lane that moves to another replica waits for what is in flight.
  static constexpr std::chrono::milliseconds kMovePatience{1'000};

  ShardLane(uint32_t shard, MemoryBudget& budget, WriteObserver& observer)
      : shard_(shard), budget_(budget), observer_(observer) {}

  void Append(const wire::Op& op, wire::WriteConcern concern, std::string_view origin,
              const OpRef& ref);
  void AppendDeadTag(std::string_view map, std::string_view tag, const OpRef& ref);
  void AppendCounted(std::string_view counter, const CountedNode& counted, const OpRef& ref);

  // How much is at which stage, for whoever looks at the running process.
  struct State {
    uint32_t shard = 0;
    std::string_view replica;  // its address; empty while there is none
    size_t filling_ops = 0;
    size_t waiting_parts = 0;
    size_t in_flight_parts = 0;
    size_t committed_parts = 0;   // kept until their acks have left
    size_t persisting_parts = 0;  // kept until they are persisted
  };
  State state() const;

  // The replica its parts go to; null while there is none.
  Replica* replica() const { return replica_; }
  // It is the one its parts go to, or are going to go to.
  bool Uses(const Replica* replica) const {
    return replica_ == replica || next_replica_ == replica;
  }
  // Another replica is responsible from now on. Parts in flight are waited for.
  void MoveTo(Replica* replica, Time now);
  // Everything in flight is sent again, first of all: the stream it was on is gone.
  // Returns the number of parts.
  size_t Resend();
  // Ends a wait that took too long, lets go of what is acknowledged.
  // Returns the number of parts that are sent again.
  size_t Tick(Time now);

  // WriteSink::Follow().
  void Follow(const OpRef& first, Tracer& tracer, Tracer::Frame& frame);

  // The next part to send; null when there is nothing or it has to wait.
  PartPtr TakeNext(Time now);

  // Null when it is not in flight.
  const Part* InFlight(uint64_t part_id) const;
  // Results. Unknown parts are ignored: they were answered before.
  void OnCommitted(uint64_t part_id, const Commit& commit);
  // The part waits in the memory of its replica.
  void OnAccepted(uint64_t part_id);
  // The shard is persisted up to this position.
  void OnPersisted(const state::Position& position);
  // Refused for now: the ops are given up, except those that are acknowledged already; they are
  // sent again after a backoff.
  void OnOverloaded(uint64_t part_id, Time now);
  // Refused for good.
  void OnRefused(uint64_t part_id);
  // Temporary failure: the part is sent again after a backoff.
  void OnUnavailable(uint64_t part_id, Time now);
  // A shard opened under a higher incarnation may have lost its tail: what is committed below it
  // and not acknowledged is sent again.
  void OnIncarnation(uint64_t incarnation);

  // Some op was acknowledged early and is not committed yet.
  bool owes_commits() const;
  bool empty() const { return in_flight_.empty() && waiting_.empty() && filling_ == nullptr; }

 private:
  static constexpr std::chrono::milliseconds kBackoffMin{20};
  static constexpr std::chrono::milliseconds kBackoffMax{1'000};

  // The part for ops that want replication or do not.
  Part& Filling(bool replicate);
  void EndIfFull();
  bool HasRoomFor(const Part& part) const;
  PartPtr TakeInFlight(uint64_t part_id);
  void Retry(PartPtr part, Time now);
  void Keep(PartPtr part, const Commit& commit);
  void TellRestamped(const Part& part, std::string_view outcomes);
  void Meet(const Part& part, const Commit& commit);
  bool IsPersisted(const Part& part) const;
  void MeetPersisted(const Part& part);
  void SendAgain(std::deque<PartPtr>& parts);
  void Release();
  void FinishMove();

  const uint32_t shard_;
  MemoryBudget& budget_;
  WriteObserver& observer_;
  Replica* replica_ = nullptr;
  std::optional<Replica*> next_replica_;  // while moving
  Time move_deadline_;
  Time not_before_;
  std::chrono::milliseconds backoff_ = kBackoffMin;

  PartPtr filling_;
  std::deque<PartPtr> waiting_;
  std::vector<PartPtr> in_flight_;
  std::deque<PartPtr> committed_;
  std::deque<PartPtr> persisting_;  // committed, and some op waits until it is persisted
  state::Position persisted_;
  uint64_t incarnation_ = 0;
  uint64_t next_sequence_ = 1;
};

// Part ids carry their shard, so that a result finds its lane.
inline constexpr uint64_t kShardBits = 16;
inline uint32_t ShardOfPart(uint64_t part_id) {
  return static_cast<uint32_t>(part_id & ((uint64_t{1} << kShardBits) - 1));
}

}  // namespace topgun::gateway
