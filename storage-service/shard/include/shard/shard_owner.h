// One leased shard: opens it in Redis, takes its feed, flushes to Postgres, publishes and trims.
//
// A single coroutine, Run(), does everything that talks to Redis or Postgres, one step at a time,
// so that opening and flushing never overlap. Only taking entries happens beside it: while a flush
// is in flight the next batch fills. The order of the steps is the correctness argument:
//
//   1. An uncertain position (start, failed flush) is read from Postgres before anything else.
//   2. What was read is flushed before the shard is opened again. A restarted Redis may have lost
//   entries that are in our hands only, and the
//      floors of the opening are computed from what Postgres has.
//   3. Only an open shard is read.
//
// Lifetime: shared; Run() holds a reference until it ends, after Discard() at once (the fence of
// the flush makes a late flush harmless), after Drain() when everything read is committed. Threads:
// the loop's. Limits: ShardLimits.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "logging/logging.h"
#include "shard/shard_context.h"
#include "shard/trim_window.h"

namespace topgun::storage {

class ShardOwner : public std::enable_shared_from_this<ShardOwner> {
 public:
  ShardOwner(ShardContext& context, uint32_t shard);
  ~ShardOwner();
  ShardOwner(const ShardOwner&) = delete;
  ShardOwner& operator=(const ShardOwner&) = delete;

  // `ended` runs once, when Run() is over.
  void Start(std::function<void()> ended);
  void Drain();
  void Discard();
  // A connection came back: looks at the shard now instead of in a while.
  void Retry();

  bool open() const { return open_; }
  bool draining() const { return draining_; }
  bool ended() const { return ended_; }
  Position position() const { return position_; }  // what Postgres has, as far as we know
  size_t queued_batches() const { return queue_.size(); }
  // Wall clock of the oldest entry not yet committed; 0: there is none.
  int64_t oldest_unflushed_ms() const;

  // For the feed's reader.
  bool WantsEntries() const;
  Position read_position() const { return read_; }
  void TakeEntries(const FeedChunk& chunk);

  // For the service. Both fail with UNAVAILABLE instead of waiting for Redis or Postgres to come
  // back.
  awaitable<StatusOr<uint64_t>> EnsureOpen();  // the incarnation
  awaitable<Status> FlushUpToTail();

 private:
  using Clock = std::chrono::steady_clock;
  using OpenWaiter = std::function<void(StatusOr<uint64_t>)>;
  struct FlushWaiter {
    Position target;
    std::function<void(Status)> done;
  };
  struct PendingBatch {
    std::unique_ptr<WriteBatch> batch;
    bool sealed = false;  // was sent to Postgres: must be repeated as it is
    Clock::time_point began = Clock::now();
  };

  // Steps return false when something failed and a pause is due.
  awaitable<void> Run(std::function<void()> ended);
  awaitable<bool> Step();
  awaitable<bool> Reload();
  awaitable<void> Check();
  awaitable<bool> Open();
  awaitable<bool> FlushFront();
  awaitable<bool> Repair();
  awaitable<Status> ScanInto(std::unique_ptr<WriteBatch>& batch);
  awaitable<Status> FlushScanned(std::unique_ptr<WriteBatch>& batch);
  awaitable<void> Publish();

  bool IsOpen(const ShardMeta& meta) const;
  void BecomeOpen();
  bool Stuck(const ShardMeta& meta);
  std::chrono::milliseconds UntilFlush() const;
  bool Fits(const WriteBatch& batch) const;
  WriteBatch& BackBatch();
  void MarkGap(const FeedEntry& entry, std::string_view reason);
  void PopFront();
  void DropQueue();
  void Lost();
  bool Failed(const Status& status, std::string_view doing);
  void Warn(const Status& status, std::string_view doing);
  void ResolveFlushWaiters();
  void FailWaiters(const Status& status);

  ShardContext& context_;
  const uint32_t shard_;
  Signal wake_;   // something to do
  Signal pause_;  // ends a pause after a failure early
  TrimWindow trim_;
  Position published_trim_;
  logging::RateLimit warn_limit_{std::chrono::seconds(5)};

  // What Postgres has, as far as we know.
  uint64_t incarnation_ = 0;
  Position position_;
  uint64_t bytes_ = 0;
  // What we have: everything up to here is committed or in the queue.
  Position read_;
  uint64_t read_bytes_ = 0;
  std::deque<PendingBatch> queue_;

  bool loaded_ = false;    // Postgres has told its position once
  bool uncertain_ = true;  // it may be another one by now
  bool open_ = false;
  bool must_open_ = false;
  bool must_repair_ = false;
  bool check_requested_ = true;
  bool draining_ = false;
  bool discarded_ = false;
  bool ended_ = false;
  Clock::time_point next_check_{};
  Clock::time_point flush_started_{};
  Position stuck_at_;
  Clock::time_point stuck_since_{};

  std::vector<OpenWaiter> open_waiters_;
  std::vector<FlushWaiter> flush_waiters_;
};

}  // namespace topgun::storage
