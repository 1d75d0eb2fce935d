// The loop of a shard, its queue and its waiters; the steps are in shard_open.cc and
// shard_flush.cc.
#include "shard/shard_owner.h"

#include <algorithm>

#include "async/await.h"
#include "async/spawn.h"
#include "shard/feed_cursor.h"

namespace topgun::storage {
namespace {

constexpr std::chrono::milliseconds kCheckInterval{1000};
constexpr std::chrono::milliseconds kPauseAfterFailure{200};

}  // namespace

ShardOwner::ShardOwner(ShardContext& context, uint32_t shard)
    : context_(context),
      shard_(shard),
      wake_(context.io),
      pause_(context.io),
      trim_(context.limits.watch_window.count(), context.limits.watch_window_bytes) {}

ShardOwner::~ShardOwner() { DropQueue(); }

void ShardOwner::Start(std::function<void()> ended) { Spawn(context_.io, Run(std::move(ended))); }

void ShardOwner::Drain() {
  draining_ = true;
  wake_.Notify();
  pause_.Notify();
}

void ShardOwner::Discard() {
  discarded_ = true;
  wake_.Notify();
  pause_.Notify();
}

void ShardOwner::Retry() {
  check_requested_ = true;
  wake_.Notify();
  pause_.Notify();
}

awaitable<void> ShardOwner::Run(std::function<void()> ended) {
  const std::shared_ptr<ShardOwner> self = shared_from_this();
  while (!discarded_) {
    const bool progressed = co_await Step();
    if (!progressed && !discarded_) co_await pause_.Wait(kPauseAfterFailure);
  }
  open_ = false;
  ended_ = true;
  DropQueue();
  FailWaiters(Unavailable("this process gave up the shard"));
  ended();
}

awaitable<bool> ShardOwner::Step() {
  if (loaded_ && (check_requested_ || Clock::now() >= next_check_)) {
    check_requested_ = false;
    next_check_ = Clock::now() + kCheckInterval;
    co_await Check();
    if (discarded_) co_return true;
  }
  if (uncertain_) co_return co_await Reload();
  if (!queue_.empty()) {
    const std::chrono::milliseconds left = UntilFlush();
    if (left.count() <= 0) co_return co_await FlushFront();
    co_await wake_.Wait(left);
    co_return true;
  }
  if (draining_) {
    discarded_ = true;
    co_return true;
  }
  if (must_open_) co_return co_await Open();
  if (must_repair_) co_return co_await Repair();
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_check_ - Clock::now());
  co_await wake_.Wait(std::max(left, std::chrono::milliseconds(1)));
  co_return true;
}

std::chrono::milliseconds ShardOwner::UntilFlush() const {
  const WriteBatch& batch = *queue_.front().batch;
  const bool full = queue_.size() > 1 || !Fits(batch);
  const bool urgent = draining_ || must_open_ || must_repair_ || !flush_waiters_.empty();
  if (full || urgent || queue_.front().sealed) return {};
  const ShardLimits& limits = context_.limits;
  const auto due =
      flush_started_ + (batch.awaited() ? limits.awaited_flush_interval : limits.flush_interval);
  return std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now());
}

bool ShardOwner::WantsEntries() const {
  return open_ && !must_repair_ && !draining_ && !discarded_;
}

void ShardOwner::TakeEntries(const FeedChunk& chunk) {
  // The shard may have gone elsewhere while the read was under way.
  if (!WantsEntries() || chunk.point.after != read_) return;
  state::FeedEntryView marker;
  for (const FeedEntry& entry : chunk.entries) {
    const bool may_be_marker = entry.position.incarnation != read_.incarnation;
    const bool is_marker =
        may_be_marker && state::DecodeFeedEntry(entry.bytes, &marker) && marker.is_marker;
    if (NextStep(read_, entry.position, is_marker ? &marker.marker_tail : nullptr) == Step::kGap) {
      MarkGap(entry, "entries are missing");
      break;
    }
    WriteBatch& batch = BackBatch();
    const uint64_t held_before = batch.held_bytes();
    if (!batch.AddEntry(entry.position, entry.cumulative_bytes, entry.bytes)) {
      MarkGap(entry, "entry is malformed");
      break;
    }
    context_.unflushed_bytes += batch.held_bytes() - held_before;
    read_ = entry.position;
    read_bytes_ = entry.cumulative_bytes;
  }
  wake_.Notify();
}

void ShardOwner::MarkGap(const FeedEntry& entry, std::string_view reason) {
  must_repair_ = true;
  context_.probe.FeedGap();
  logging::Warning("shard", "gap in the feed, scanning the shard",
                   {{"shard", shard_},
                    {"read", state::ToString(read_)},
                    {"next", state::ToString(entry.position)},
                    {"reason", reason}});
}

bool ShardOwner::Fits(const WriteBatch& batch) const {
  return batch.rows().size() < context_.limits.flush_rows_max &&
         batch.held_bytes() < context_.limits.flush_bytes_max;
}

WriteBatch& ShardOwner::BackBatch() {
  if (queue_.empty() || queue_.back().sealed || !Fits(*queue_.back().batch)) {
    queue_.push_back({std::make_unique<WriteBatch>(read_, read_bytes_)});
  }
  return *queue_.back().batch;
}

void ShardOwner::PopFront() {
  context_.unflushed_bytes -= queue_.front().batch->held_bytes();
  queue_.pop_front();
  context_.reader_wake.Notify();
}

void ShardOwner::DropQueue() {
  while (!queue_.empty()) PopFront();
}

int64_t ShardOwner::oldest_unflushed_ms() const {
  for (const PendingBatch& pending : queue_) {
    if (pending.batch->oldest_wall_ms() != 0) return pending.batch->oldest_wall_ms();
  }
  return 0;
}

awaitable<StatusOr<uint64_t>> ShardOwner::EnsureOpen() {
  if (ended_) co_return Unavailable("this process gave up the shard");
  auto start = [this](OpenWaiter done) {
    open_waiters_.push_back(std::move(done));
    Retry();
  };
  co_return co_await Await<StatusOr<uint64_t>>(start);
}

awaitable<Status> ShardOwner::FlushUpToTail() {
  const auto self = shared_from_this();
  const StatusOr<ShardMeta> meta = co_await context_.redis.ReadMeta(shard_);
  if (!meta.ok()) co_return meta.status();
  if (ended_ || uncertain_ || !open_ || !IsOpen(*meta)) {
    Retry();
    co_return Unavailable("the shard is closed");
  }
  if (meta->tail <= position_) co_return OkStatus();
  auto start = [this, target = meta->tail](std::function<void(Status)> done) {
    flush_waiters_.push_back({target, std::move(done)});
    wake_.Notify();
  };
  co_return co_await Await<Status>(start);
}

void ShardOwner::ResolveFlushWaiters() {
  const auto reached = std::stable_partition(
      flush_waiters_.begin(), flush_waiters_.end(),
      [this](const FlushWaiter& waiter) { return waiter.target > position_; });
  for (auto waiter = reached; waiter != flush_waiters_.end(); ++waiter) waiter->done(OkStatus());
  flush_waiters_.erase(reached, flush_waiters_.end());
}

void ShardOwner::FailWaiters(const Status& status) {
  for (const OpenWaiter& waiter : std::exchange(open_waiters_, {})) waiter(status);
  for (const FlushWaiter& waiter : std::exchange(flush_waiters_, {})) waiter.done(status);
}

// Counts for the caller as "pause, then go on".
bool ShardOwner::Failed(const Status& status, std::string_view doing) {
  FailWaiters(Annotate(status, doing));
  Warn(status, doing);
  return false;
}

void ShardOwner::Warn(const Status& status, std::string_view doing) {
  uint64_t suppressed = 0;
  if (warn_limit_.Allow(&suppressed)) {
    logging::Warning("shard", doing,
                     {{"shard", shard_}, {"error", ToString(status)}, {"suppressed", suppressed}});
  }
}

void ShardOwner::Lost() {
  context_.probe.LeaseLost();
  logging::Warning("shard", "lease lost", {{"shard", shard_}});
  discarded_ = true;
}

}  // namespace topgun::storage
