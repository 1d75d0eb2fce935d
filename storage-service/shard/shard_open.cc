// Opening a shard in Redis, and noticing that it has to be (docs/state-layout.md, "open").
#include <algorithm>

#include "shard/shard_owner.h"

namespace topgun::storage {
namespace {

// A feed that shows nothing new for this long although its tail is ahead has lost entries.
constexpr std::chrono::milliseconds kStuckAfter{2000};

}  // namespace

// Where does Postgres stand? Asked at the start and after every flush whose outcome is unknown or a
// refusal.
awaitable<bool> ShardOwner::Reload() {
  const StatusOr<ShardRow> row = co_await context_.postgres.ReadShard(shard_);
  if (!row.ok()) co_return Failed(row.status(), "reading the shard's position");
  if (row->owner != context_.name) {
    Lost();
    co_return true;
  }
  loaded_ = true;
  uncertain_ = false;
  check_requested_ = true;
  incarnation_ = row->incarnation;
  position_ = row->position;
  bytes_ = row->bytes;
  if (!queue_.empty() && queue_.front().batch->to() == position_) {
    PopFront();  // it was committed, only the answer was lost
  } else if (queue_.empty() || queue_.front().batch->from() != position_) {
    DropQueue();
    read_ = position_;
    read_bytes_ = bytes_;
  }
  ResolveFlushWaiters();
  co_return true;
}

bool ShardOwner::IsOpen(const ShardMeta& meta) const {
  const std::string run = context_.redis.run(shard_);
  return !run.empty() && meta.run == run && meta.tail.incarnation == incarnation_;
}

void ShardOwner::BecomeOpen() {
  must_open_ = false;
  if (!open_) {
    open_ = true;
    context_.reader_wake.Notify();
  }
  for (const OpenWaiter& waiter : std::exchange(open_waiters_, {})) waiter(incarnation_);
}

awaitable<void> ShardOwner::Check() {
  const StatusOr<ShardMeta> meta = co_await context_.redis.ReadMeta(shard_);
  if (!meta.ok()) {
    open_ = false;
    Failed(meta.status(), "reading the shard's meta");
    co_return;
  }
  if (!IsOpen(*meta)) {
    open_ = false;
    must_open_ = true;
    for (const FlushWaiter& waiter : std::exchange(flush_waiters_, {})) {
      waiter.done(Unavailable("the shard is closed"));
    }
    co_return;
  }
  BecomeOpen();
  if (Stuck(*meta)) {
    MarkGap({meta->tail, {}, meta->bytes}, "the feed ends before the tail");
  }
  trim_.Persisted(position_, bytes_, context_.clock.NowMs());
  const bool stale = meta->persisted != position_ || meta->persisted_bytes != bytes_;
  if (stale || trim_.Boundary(context_.clock.NowMs()) != published_trim_) co_await Publish();
}

bool ShardOwner::Stuck(const ShardMeta& meta) {
  const bool behind = meta.tail > read_ && WantsEntries() && context_.CanRead();
  if (!behind || stuck_at_ != read_) {
    stuck_at_ = read_;
    stuck_since_ = Clock::now();
    return false;
  }
  return Clock::now() - stuck_since_ >= kStuckAfter;
}

// Everything that was read is committed by now, so Postgres knows what Redis may lack.
awaitable<bool> ShardOwner::Open() {
  const std::string run = context_.redis.run(shard_);
  if (run.empty()) co_return Failed(Unavailable("Redis is not connected"), "opening the shard");
  const StatusOr<ShardMeta> meta = co_await context_.redis.ReadMeta(shard_);
  if (!meta.ok()) co_return Failed(meta.status(), "opening the shard");
  if (IsOpen(*meta)) {
    BecomeOpen();  // an earlier attempt succeeded and its answer was lost
    co_return true;
  }
  const StatusOr<ShardRow> row =
      co_await context_.postgres.RaiseIncarnation(shard_, context_.name, meta->tail.incarnation);
  if (row.status().code() == StatusCode::kFailedPrecondition) {
    // Perhaps only not renewed yet; the next heartbeat tells.
    co_return Failed(Unavailable("the lease is not confirmed"), "raising the incarnation");
  }
  if (!row.ok()) co_return Failed(row.status(), "raising the incarnation");
  incarnation_ = row->incarnation;
  if (row->position != position_) {
    uncertain_ = true;  // somebody else flushed: start over from there
    co_return true;
  }

  StatusOr<std::vector<std::string>> maps =
      co_await context_.postgres.MapsAbove(shard_, meta->tail);
  if (!maps.ok()) co_return Failed(maps.status(), "reading the shard's maps");
  OpenRequest request{run,
                      {incarnation_, std::max(meta->tail.n, position_.n) + 1},
                      meta->tail,
                      context_.clock.NowMs(),
                      {}};
  for (std::string& map : *maps) request.unloaded.push_back({std::move(map), meta->tail});
  const size_t unloaded = request.unloaded.size();
  const StatusOr<bool> opened = co_await context_.redis.Open(shard_, std::move(request));
  if (!opened.ok()) co_return Failed(opened.status(), "opening the shard");
  if (!*opened) co_return true;  // the tail moved: compare again
  context_.probe.Opened();
  logging::Info("shard", "opened",
                {{"shard", shard_},
                 {"incarnation", incarnation_},
                 {"tail", state::ToString(meta->tail)},
                 {"position", state::ToString(position_)},
                 {"unloaded_maps", unloaded}});
  BecomeOpen();
  co_return true;
}

}  // namespace topgun::storage
