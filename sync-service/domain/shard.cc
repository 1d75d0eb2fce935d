#include "domain/shard.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "logging/logging.h"

namespace topgun::sync {

namespace {

using std::chrono::steady_clock;

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Shard::Shard(uint32_t shard, ShardLimits limits, Dependencies dependencies)
    : shard_(shard),
      limits_(limits),
      deps_(dependencies),
      follower_(
          shard,
          {.ring_bytes_max = limits.ring_bytes_max, .cache_bytes_max = limits.cache_bytes_max},
          dependencies.store, dependencies.probe),
      hydrator_(shard, dependencies.store, dependencies.owner, dependencies.probe),
      losers_(limits.losers),
      batch_(limits.batch) {}

// ---- Reading at a position ----

void Shard::Poll() {
  if (state_ != State::kOpen || busy_ || barrier_running_ || !feed().has_listeners()) return;
  RunBarrier();
}

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
        meta->tail.incarnation != follower_.position().incarnation) {
      return FinishBarrier(Unavailable("shard is closed"));
    }
    follower_.CatchUp(meta->tail, [this, persisted = meta->persisted](const Status& status) {
      if (status.ok()) {
        feed().SetPersisted(limits_.volatile_storage ? follower_.position() : persisted);
      }
      FinishBarrier(status);
    });
  });
}

void Shard::FinishBarrier(const Status& status) {
  barrier_running_ = false;
  std::vector<Callback<state::Position>> current = std::exchange(barrier_current_, {});
  if (status.ok()) {
    for (auto& callback : current) callback(follower_.position());
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
    part.done({OkStatus(), follower_.position(), {}});
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
  batch_position_ = follower_.position();
  std::vector<CellRef> missing = batch_.LookUp(follower_.cache());
  deps_.probe.CellsRead(batch_.cell_count() - missing.size(), missing.size());
  if (missing.empty()) return MergeAndCommit();
  deps_.store.ReadCells(missing, [this](StatusOr<std::vector<std::optional<std::string>>> cells) {
    if (!cells.ok()) return StopBatch();
    times_.read = steady_clock::now();
    batch_.Provide(*std::move(cells));
    MergeAndCommit();
  });
}

// So that a batch with others at work beside it need not read the same cells again and again.
void Shard::LookUpAgain() {
  batch_.Remember(follower_.cache());
  LookUp();
}

void Shard::MergeAndCommit() {
  // The feed may have moved while cells were read; then the batch's copies are too old to build on.
  if (follower_.position() != batch_position_) return LookUpAgain();
  const int64_t now_ms = deps_.wall.NowMs();
  batch_.ExpectDeadTags(follower_.rare_maps().dead_tags);
  batch_.ExpectClamps(follower_.rare_maps().clamps);
  if (!batch_.Merge(deps_.clock, now_ms)) return LookUpAgain();
  CommitRequest request = batch_.BuildCommit(batch_position_, CommitTime(now_ms));
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

// Replicas whose clocks differ a little commit in turns: the shard's commit times do not go back
// all the same, because the order of the journal is theirs (docs/journal.md).
int64_t Shard::CommitTime(int64_t now_ms) {
  const int64_t newest_ms = feed().newest_ms();
  const bool plausible = newest_ms <= now_ms + crdt::kDriftMaxMs;
  return plausible ? std::max(now_ms, newest_ms) : now_ms;
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
      if (follower_.position() == batch_position_) batch_.Remember(follower_.cache());
      return follower_.CatchUp({batch_position_.incarnation, reply->n},
                               [this](const Status& status) {
                                 if (!status.ok()) return StopBatch();
                                 LookUp();
                               });
    case state::CommitCode::kClosed:
      return StopBatch();
    case state::CommitCode::kUnloaded:
      return hydrator_.LoadAll(std::move(reply->unloaded), [this](const Status& status) {
        if (!status.ok()) return StopBatch();
        LookUp();
      });
    case state::CommitCode::kOverloaded:
      return RefuseAll(ResourceExhausted("persistence is behind, try again later"));
  }
}

void Shard::OnCommitted(const CommitReply& reply) {
  const state::Position position{batch_position_.incarnation, reply.n};
  if (const std::string bytes = batch_.TakeEntry(); !bytes.empty()) {
    FeedEntry entry;
    if (entry.Decode(position, bytes, times_.trace)) follower_.AcceptCommit(entry);
  }
  feed().SetPersisted(reply.persisted);
  const std::vector<PartState*> finished = batch_.Settle(position, follower_.cache());
  // The feed was read while the reply was on its way: what it told is newer than our cells.
  if (follower_.position() > position) follower_.cache().Clear();
  RecordConflicts();
  times_.ops = batch_.op_count();
  times_.cells = batch_.changed_count();
  batch_.Clear();
  busy_ = false;
  follower_.CountCache();
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
