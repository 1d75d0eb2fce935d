#include "domain/shard.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "logging/logging.h"

namespace topgun::sync {

namespace {

using std::chrono::steady_clock;

constexpr int64_t kBackoffMinMs = 20;
constexpr int64_t kBackoffMaxMs = 1000;

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Shard::Shard(uint32_t shard, ShardLimits limits, Dependencies dependencies)
    : shard_(shard),
      limits_(limits),
      deps_(dependencies),
      feed_(shard, limits.ring_bytes_max),
      cache_(limits.cache_bytes_max),
      hydrator_(shard, dependencies.store, dependencies.owner, dependencies.probe),
      losers_(limits.losers),
      batch_(limits.batch) {}

void Shard::OnConnected() {
  ++connection_;
  SetState(State::kClosed);
  backoff_ms_ = 0;
  Check();
}

void Shard::OnDisconnected() {
  ++connection_;
  SetState(State::kClosed);
}

void Shard::SetState(State state) {
  if ((state_ == State::kOpen) != (state == State::kOpen)) {
    deps_.probe.ShardsOpen(state == State::kOpen ? 1 : -1);
  }
  state_ = state;
}

// ---- Opening ----

void Shard::Check() {
  if (state_ == State::kChecking || deps_.store.run().empty()) return;
  SetState(State::kChecking);
  deps_.store.ReadMeta([this](StatusOr<ShardMeta> meta) { OnMeta(std::move(meta)); });
}

void Shard::OnMeta(StatusOr<ShardMeta> meta) {
  if (state_ != State::kChecking) return;  // disconnected meanwhile
  if (!meta.ok()) return RetryCheck(meta.status());
  if (!meta->exists || meta->run != deps_.store.run()) return AskOwner();
  Adopt(*meta);
}

void Shard::AskOwner() {
  deps_.owner.OpenShard(shard_, deps_.store.run(), [this](const Status& status) {
    if (state_ != State::kChecking) return;
    if (!status.ok()) deps_.probe.OpenFailed();
    RetryCheck(status);
  });
}

void Shard::RetryCheck(const Status& reason) {
  SetState(State::kClosed);
  if (!reason.ok()) {
    logging::Debug("shard", "not open yet", {{"shard", shard_}, {"reason", Message(reason)}});
  }
  backoff_ms_ = std::clamp(backoff_ms_ * 2, kBackoffMinMs, kBackoffMaxMs);
  if (std::exchange(check_scheduled_, true)) return;
  deps_.scheduler.After(backoff_ms_, [this] {
    check_scheduled_ = false;
    if (state_ == State::kClosed) Check();
  });
}

void Shard::Adopt(const ShardMeta& meta) {
  const bool known = feed_.position() != state::Position{};
  const bool raised = meta.tail.incarnation != feed_.position().incarnation;
  if (raised) {
    cache_.Clear();
    deps_.probe.ShardOpened();
    logging::Info("shard", "open",
                  {{"shard", shard_}, {"incarnation", meta.tail.incarnation}, {"n", meta.tail.n}});
  }
  if (!known) feed_.JumpTo(meta.tail);
  backoff_ms_ = 0;
  CatchUp(meta.tail, [this](const Status& status) {
    if (state_ != State::kChecking) return;
    if (!status.ok()) return RetryCheck(status);
    LearnRareMaps();
  });
}

// What is committed after these questions is told by the feed. Their answers come in order.
void Shard::LearnRareMaps() {
  static const std::string dead_tags = state::MapId(state::CellKind::kOr, state::kDeadTagMap);
  static const std::string clamps = state::MapId(state::CellKind::kLww, state::kClampMap);
  rare_maps_ = {false, false};
  deps_.store.KnowsMap(dead_tags, [this](const StatusOr<bool>& known) {
    rare_maps_.dead_tags = rare_maps_.dead_tags || !known.ok() || *known;
  });
  deps_.store.KnowsMap(clamps, [this](const StatusOr<bool>& known) {
    rare_maps_.clamps = rare_maps_.clamps || !known.ok() || *known;
    if (state_ != State::kChecking) return;
    if (!known.ok()) return RetryCheck(known.status());
    Open();
  });
}

void Shard::Open() {
  SetState(State::kOpen);
  Pump();
  if (!barrier_waiters_.empty()) RunBarrier();
}

void Shard::Close() {
  if (state_ == State::kChecking) return;
  SetState(State::kClosed);
  Check();
}

// ---- Following the feed ----

void Shard::CatchUp(const state::Position& tail, StatusCallback done) {
  if (feed_.position() >= tail) return done(OkStatus());
  constexpr size_t kEntriesPerRead = 256;
  deps_.store.ReadFeed(
      feed_.position(), kEntriesPerRead,
      [this, tail, done = std::move(done)](StatusOr<std::vector<FeedRecord>> records) mutable {
        if (!records.ok()) return done(records.status());
        if (!AcceptRecords(*std::move(records)) && feed_.position() < tail) {
          // What lies between is trimmed or lost.
          deps_.probe.FeedGap();
          cache_.Clear();
          rare_maps_ = {};
          feed_.JumpTo(tail);
        }
        CatchUp(tail, std::move(done));
      });
}

bool Shard::AcceptRecords(std::vector<FeedRecord> records) {
  if (records.empty()) return false;
  deps_.probe.FeedEntriesRead(records.size());
  for (FeedRecord& record : records) {
    const FeedEntryPtr entry = MakeFeedEntry(record.position, std::move(record.entry));
    if (entry == nullptr) {
      logging::Error("shard", "malformed feed entry skipped",
                     {{"shard", shard_}, {"position", state::ToString(record.position)}});
      return false;
    }
    switch (feed_.Accept(entry)) {
      case ShardFeed::Accepted::kNext:
        ApplyToCache(*entry);
        break;
      case ShardFeed::Accepted::kNextAfterLoss:
        deps_.probe.FeedGap();
        cache_.Clear();
        rare_maps_ = {};
        break;
      case ShardFeed::Accepted::kKnown:
        break;
      case ShardFeed::Accepted::kGap:
        return false;
    }
  }
  return true;
}

void Shard::NoticeRareMaps(const FeedEntry& entry) {
  for (const std::string_view map : entry.view.maps) {
    if (map == state::kDeadTagMap) rare_maps_.dead_tags = true;
    if (map == state::kClampMap) rare_maps_.clamps = true;
  }
}

void Shard::ApplyToCache(const FeedEntry& entry) {
  NoticeRareMaps(entry);
  const state::FeedEntryView& view = entry.view;
  // Markers, and commits without changes (a map was loaded), change Redis behind the feed.
  if (view.is_marker || view.changes.empty()) {
    cache_.Clear();
    return;
  }
  std::string id;
  for (const state::ChangeView& change : view.changes) {
    id.clear();
    AppendCellId(id, change.kind, view.maps[change.map],
                 state::CellField(change.kind, change.key, change.tag));
    const bool pruned = (change.flags & state::kChangePruned) != 0;
    cache_.Update(id, pruned ? std::string_view() : change.cell);
  }
}

void Shard::Poll() {
  if (state_ != State::kOpen || busy_ || barrier_running_ || !feed_.has_listeners()) return;
  RunBarrier();
}

// ---- Barrier ----

void Shard::Barrier(Callback<state::Position> callback) {
  barrier_waiters_.push_back(std::move(callback));
  if (!barrier_running_ && state_ == State::kOpen) RunBarrier();
}

void Shard::RunBarrier() {
  barrier_running_ = true;
  barrier_current_ = std::exchange(barrier_waiters_, {});
  deps_.store.ReadMeta([this](StatusOr<ShardMeta> meta) {
    if (!meta.ok()) return FinishBarrier(meta.status());
    if (!meta->exists || meta->run != deps_.store.run() ||
        meta->tail.incarnation != feed_.position().incarnation) {
      return FinishBarrier(Unavailable("shard is closed"));
    }
    CatchUp(meta->tail, [this, persisted = meta->persisted](const Status& status) {
      if (status.ok()) {
        feed_.SetPersisted(limits_.volatile_storage ? feed_.position() : persisted);
      }
      FinishBarrier(status);
    });
  });
}

void Shard::FinishBarrier(const Status& status) {
  barrier_running_ = false;
  std::vector<Callback<state::Position>> current = std::exchange(barrier_current_, {});
  if (status.ok()) {
    for (auto& callback : current) callback(feed_.position());
  } else {
    // Never an empty answer: wait until the shard is open.
    barrier_waiters_.insert(barrier_waiters_.begin(), std::make_move_iterator(current.begin()),
                            std::make_move_iterator(current.end()));
    Close();
    return;
  }
  if (!barrier_waiters_.empty() && state_ == State::kOpen && !barrier_running_) RunBarrier();
}

void Shard::EnsureLoaded(const std::string& map_id, StatusCallback callback) {
  Barrier([this, map_id,
           callback = std::move(callback)](const StatusOr<state::Position>& position) mutable {
    if (!position.ok()) return callback(position.status());
    hydrator_.Load(map_id, std::move(callback));
  });
}

void Shard::CountCache() {
  deps_.probe.CacheBytes(static_cast<int64_t>(cache_.bytes()) -
                         static_cast<int64_t>(cache_bytes_counted_));
  cache_bytes_counted_ = cache_.bytes();
}

// ---- Writing ----

bool Shard::Submit(WritePart part) {
  if (queue_bytes_ + part.bytes > limits_.queue_bytes_max) {
    const Status status = ResourceExhausted("too much work is waiting for this shard");
    deps_.probe.PartRefused();
    deps_.probe.PartFailed(part, status);
    part.done({status, {}, {}});
    return false;
  }
  if (part.ops.empty()) {
    part.done({OkStatus(), feed_.position(), {}});
    return false;
  }
  if (part.times.trace != 0) followed_ = part.times.trace;
  queue_bytes_ += part.bytes;
  deps_.probe.QueueBytes(static_cast<int64_t>(part.bytes));
  const auto place = parts_.emplace(parts_.end(), std::move(part));
  place->place = place;
  pending_.Add(*place);
  Pump();
  return true;
}

void Shard::Pump() {
  if (state_ != State::kOpen || busy_) return;
  if (prune_ != nullptr && batch_.empty()) {
    busy_ = true;
    return ReadPruned();
  }
  // A batch that was stopped goes on as it is: what waits may be about the same cells.
  if (batch_.empty()) {
    times_ = {.trace = std::exchange(followed_, 0), .taken = steady_clock::now()};
    while (!pending_.empty() && !batch_.full()) batch_.Take(pending_.TakeOldest());
  }
  if (batch_.empty()) return;
  busy_ = true;
  LookUp();
}

void Shard::LookUp() {
  batch_position_ = feed_.position();
  std::vector<CellRef> missing = batch_.LookUp(cache_);
  deps_.probe.CellsRead(batch_.cell_count() - missing.size(), missing.size());
  if (missing.empty()) return MergeAndCommit();
  deps_.store.ReadCells(missing, [this](StatusOr<std::vector<std::optional<std::string>>> cells) {
    if (!cells.ok()) return StopBatch();
    times_.read = steady_clock::now();
    batch_.Provide(*std::move(cells), cache_);
    MergeAndCommit();
  });
}

void Shard::MergeAndCommit() {
  // The feed may have moved while cells were read; then the batch's copies are too old to build on.
  if (feed_.position() != batch_position_) return LookUp();
  const int64_t now_ms = deps_.wall.NowMs();
  batch_.ExpectDeadTags(rare_maps_.dead_tags);
  batch_.ExpectClamps(rare_maps_.clamps);
  if (!batch_.Merge(deps_.clock, now_ms)) return LookUp();
  CommitRequest request = batch_.BuildCommit(batch_position_, now_ms);
  times_.sent = steady_clock::now();
  if (times_.tries++ == 0) deps_.probe.Merged(Seconds(times_.sent - times_.taken));
  // What was committed on a connection before this one may be lost, or overtaken by what we have
  // learned since.
  deps_.store.Commit(std::move(request),
                     [this, connection = connection_](StatusOr<CommitReply> reply) {
                       if (connection != connection_) return StopBatch();
                       OnCommit(std::move(reply));
                     });
}

void Shard::OnCommit(StatusOr<CommitReply> reply) {
  if (!reply.ok()) {
    if (reply.status().code() == StatusCode::kUnavailable) return StopBatch();
    logging::Error(
        "shard", "commit failed",
        {{"shard", shard_}, {"reason", Message(reply.status())}, {"trace_id", batch_.trace_id()}});
    return RefuseAll(reply.status());
  }
  times_.replied = steady_clock::now();
  deps_.probe.Committed(reply->code, batch_.op_count(), batch_.changed_count(),
                        Seconds(times_.replied - times_.sent));
  switch (reply->code) {
    case state::CommitCode::kCommitted:
      return OnCommitted(*reply);
    case state::CommitCode::kConflict:
      return CatchUp({batch_position_.incarnation, reply->n}, [this](const Status& status) {
        if (!status.ok()) return StopBatch();
        LookUp();
      });
    case state::CommitCode::kClosed:
      return StopBatch();
    case state::CommitCode::kUnloaded:
      return LoadMaps(std::move(reply->unloaded), [this](const Status& status) {
        if (!status.ok()) return StopBatch();
        LookUp();
      });
    case state::CommitCode::kOverloaded:
      return RefuseAll(ResourceExhausted("persistence is behind, try again later"));
  }
}

void Shard::OnCommitted(const CommitReply& reply) {
  const state::Position position{batch_position_.incarnation, reply.n};
  if (std::string bytes = batch_.TakeEntry(); !bytes.empty()) {
    if (const FeedEntryPtr entry = MakeFeedEntry(position, std::move(bytes), times_.trace)) {
      feed_.Accept(entry);
      NoticeRareMaps(*entry);
    }
  }
  feed_.SetPersisted(reply.persisted);
  const std::vector<PartState*> finished = batch_.Settle(position, cache_);
  // The feed was read while the reply was on its way: what it told is newer than our cells.
  if (feed_.position() > position) cache_.Clear();
  RecordConflicts();
  times_.ops = batch_.op_count();
  times_.cells = batch_.changed_count();
  batch_.Clear();
  busy_ = false;
  CountCache();
  for (PartState* const part : finished) {
    queue_bytes_ -= part->part.bytes;
    deps_.probe.QueueBytes(-static_cast<int64_t>(part->part.bytes));
    deps_.probe.OpsMerged(part->outcomes);
    Finish(*part);
    Record(*part);
    parts_.erase(part->place);
  }
  Pump();
}

// A part that several batches took ops of counts as taken with its last ones.
void Shard::Record(const PartState& part) const {
  const PartTimes& times = part.part.times;
  deps_.probe.PartCommitted(Seconds(times_.taken - times.received),
                            Seconds(times_.replied - times.received));
  if (times.trace == 0 && part.part.spans == nullptr) return;
  deps_.probe.PartAnswered({.times = times,
                            .spans = part.part.spans.get(),
                            .taken = times_.taken,
                            .read = times_.read,
                            .sent = times_.sent,
                            .replied = times_.replied,
                            .shard = shard_,
                            .ops = part.part.ops.size(),
                            .batch_ops = times_.ops,
                            .batch_cells = times_.cells,
                            .tries = times_.tries,
                            .position = part.position});
}

void Shard::Finish(PartState& part) {
  WriteResult result{OkStatus(), part.position, std::move(part.outcomes)};
  // What was committed under an older incarnation may be lost already: no replica can confirm it.
  const bool confirmable = part.position.incarnation == batch_position_.incarnation;
  if (part.part.replicate_ms == 0 || deps_.replicas == nullptr || !confirmable) {
    return part.part.done(std::move(result));
  }
  deps_.replicas->Confirm(
      deps_.store.run(), part.part.replicate_ms,
      [done = std::move(part.part.done), result = std::move(result)](bool replicated) mutable {
        result.replicated = replicated;
        done(std::move(result));
      });
}

void Shard::RecordConflicts() {
  const Conflicts& conflicts = batch_.conflicts();
  deps_.probe.ConflictsDecided(conflicts);
  if (conflicts.lost.empty()) return;
  const auto before = static_cast<int64_t>(losers_.bytes());
  const int64_t now_ms = deps_.wall.NowMs();
  for (const LostWrite& lost : conflicts.lost) losers_.Add(lost, now_ms);
  deps_.probe.LoserBytes(static_cast<int64_t>(losers_.bytes()) - before);
}

void Shard::LoadMaps(std::vector<std::string> map_ids, StatusCallback done) {
  if (map_ids.empty()) return done(OkStatus());
  const std::string map_id = std::move(map_ids.back());
  map_ids.pop_back();
  hydrator_.Load(map_id, [this, map_ids = std::move(map_ids),
                          done = std::move(done)](const Status& status) mutable {
    if (!status.ok()) return done(status);
    LoadMaps(std::move(map_ids), std::move(done));
  });
}

// Keeps the batch; it starts again from the cells when the shard is open. Every op is idempotent,
// so it does not matter whether a commit whose reply was lost has happened.
void Shard::StopBatch() {
  busy_ = false;
  if (state_ == State::kChecking) return;
  SetState(State::kClosed);
  RetryCheck(OkStatus());
}

void Shard::RefuseAll(const Status& status) {
  batch_.Clear();
  pending_.Clear();
  busy_ = false;
  for (PartState& part : std::exchange(parts_, {})) {
    queue_bytes_ -= part.part.bytes;
    deps_.probe.QueueBytes(-static_cast<int64_t>(part.part.bytes));
    deps_.probe.PartRefused();
    deps_.probe.PartFailed(part.part, status);
    part.part.done({status, {}, {}});
  }
}

}  // namespace topgun::sync
