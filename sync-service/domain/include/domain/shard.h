// One shard on one replica: finds it open, merges and commits writes, follows its feed.
//
// States: closed (nothing is trusted, everything waits), checking (comparing meta with the
// connection's run, asking the owner to open), open. One batch is in flight at a time; what arrives
// meanwhile forms the next one, so under light load nothing waits and under heavy load batches
// grow. Owned by a Loop and used on it only; dependencies outlive it.
//
// Limits: bytes of waiting parts (then RESOURCE_EXHAUSTED), cells and ops per batch, cache bytes,
// ring bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crdt/hybrid_logical_clock.h"
#include "domain/feed_follower.h"
#include "domain/hydrator.h"
#include "domain/io.h"
#include "domain/loser_log.h"
#include "domain/merge_batch.h"
#include "domain/probe.h"
#include "domain/prune_batch.h"

namespace topgun::sync {

struct ShardLimits {
  BatchLimits batch;
  uint64_t queue_bytes_max = 64u << 20;
  uint64_t cache_bytes_max = 64u << 20;
  uint64_t ring_bytes_max = 8u << 20;
  LoserLimits losers;
  // Nothing is ever persisted: the feed's persisted position follows the commits.
  bool volatile_storage = false;
};

class Shard {
 public:
  struct Dependencies {
    ShardStore& store;
    ShardOwner& owner;
    Scheduler& scheduler;
    crdt::HybridLogicalClock& clock;
    const WallClock& wall;
    Probe& probe;
    Replicas* replicas = nullptr;  // null: no replica is ever asked
  };

  Shard(uint32_t shard, ShardLimits limits, Dependencies dependencies);

  // Redis came or went.
  void OnConnected();
  void OnDisconnected();

  // `part.done` is called exactly once: later, when the part waits in memory from now on (true);
  // before this returns, when it was refused or had nothing to do.
  bool Submit(WritePart part);

  // Drops cells when no batch is in flight, one call at a time: ABORTED otherwise. Calls back with
  // the number of cells that were dropped; UNAVAILABLE: the shard is closed; RESOURCE_EXHAUSTED:
  // persistence is behind.
  void Prune(PruneBatch batch, Callback<size_t> callback);

  // Calls back once the feed has consumed everything that was committed before this call. Waits
  // while the shard is closed.
  void Barrier(Callback<state::Position> callback);
  // Like Barrier, and the map is loaded from Postgres if it was not.
  void EnsureLoaded(const std::string& map_id, StatusCallback callback);
  // Compares with Redis' tail when somebody listens; called every few milliseconds.
  void Poll();

  // For the parts that come from now on.
  void set_queue_bytes_max(uint64_t bytes) { limits_.queue_bytes_max = bytes; }

  uint32_t number() const { return shard_; }
  bool open() const { return state_ == State::kOpen; }
  bool busy() const { return busy_; }
  size_t unfinished_parts() const { return parts_.size(); }
  uint64_t unfinished_bytes() const { return queue_bytes_; }
  uint64_t cache_bytes() const { return follower_.cache().bytes(); }
  ShardFeed& feed() { return follower_.feed(); }
  ShardStore& store() { return deps_.store; }
  // Whether any tag may have been declared dead here (docs/state-layout.md, "dead tags"): true at
  // every position at which one is.
  bool may_have_dead_tags() const { return follower_.rare_maps().dead_tags; }
  // What has lost here.
  const LoserLog& losers() const { return losers_; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  enum class State : uint8_t { kClosed, kChecking, kOpen };

  void Check();
  void OnMeta(StatusOr<ShardMeta> meta);
  void AskOwner();
  void RetryCheck(const Status& reason);
  void Adopt(const ShardMeta& meta);
  void Open();
  void Close();
  void SetState(State state);

  void Pump();
  void LookUp();
  void LookUpAgain();
  void MergeAndCommit();
  int64_t CommitTime(int64_t now_ms);
  void OnCommit(StatusOr<CommitReply> reply);
  void OnCommitted(const CommitReply& reply);
  void RecordConflicts();
  void Finish(PartState& part);
  void Record(const PartState& part) const;
  void StopBatch();
  void RefuseAll(const Status& status);

  void ReadPruned();
  void CommitPrune();
  void OnPruned(const CommitReply& reply);
  void StopPrune(const Status& status);
  void EndPrune(StatusOr<size_t> dropped);

  void RunBarrier();
  void FinishBarrier(const Status& status);

  const uint32_t shard_;
  ShardLimits limits_;
  Dependencies deps_;
  State state_ = State::kClosed;
  int64_t backoff_ms_ = 0;
  bool check_scheduled_ = false;

  FeedFollower follower_;
  Hydrator hydrator_;
  LoserLog losers_;

  std::list<PartState> parts_;  // not finished
  uint64_t queue_bytes_ = 0;    // of them
  PendingOps pending_;
  MergeBatch batch_;
  struct PruneJob {
    PruneBatch batch;
    Callback<size_t> callback;
  };
  std::unique_ptr<PruneJob> prune_;  // waits for its turn, or has it
  uint64_t connection_ = 0;          // counts changes of it
  bool busy_ = false;                // a batch or a prune is being looked up, merged or committed
  state::Position batch_position_;   // what its cells are valid for
  // When the batch passed its stages (PartTrace).
  struct BatchTimes {
    uint64_t trace = 0;  // of a followed part that may have ops in it
    Time taken = {};
    Time read = {};
    Time sent = {};
    Time replied = {};
    uint64_t tries = 0;
    uint64_t ops = 0;
    uint64_t cells = 0;
  };
  BatchTimes times_;
  uint64_t followed_ = 0;  // the last part that is followed and came since the batch was taken

  bool barrier_running_ = false;
  std::vector<Callback<state::Position>> barrier_waiters_;  // for the next round
  std::vector<Callback<state::Position>> barrier_current_;
};

}  // namespace topgun::sync
