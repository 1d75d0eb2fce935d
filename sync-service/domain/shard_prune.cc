// Shard: dropping cells that retention does not keep. A prune takes the place of a write batch, so
// the two never wait for each other's conflicts.
#include <utility>

#include "domain/shard.h"

namespace topgun::sync {

void Shard::Prune(PruneBatch batch, Callback<size_t> callback) {
  if (prune_ != nullptr) return callback(Aborted("the shard is being pruned"));
  if (state_ != State::kOpen) return callback(Unavailable("the shard is closed"));
  prune_ = std::make_unique<PruneJob>(PruneJob{std::move(batch), std::move(callback)});
  Pump();
}

void Shard::ReadPruned() {
  batch_position_ = follower_.position();
  deps_.store.ReadCells(prune_->batch.LookUp(),
                        [this](const StatusOr<std::vector<std::optional<std::string>>>& cells) {
                          if (!cells.ok()) return StopPrune(cells.status());
                          if (follower_.position() != batch_position_) return ReadPruned();
                          if (!prune_->batch.Provide(*cells)) return EndPrune(size_t{0});
                          CommitPrune();
                        });
}

void Shard::CommitPrune() {
  const PruneRequest request =
      prune_->batch.Build(batch_position_, deps_.wall.NowMs(), deps_.clock);
  deps_.store.Prune(request, [this](StatusOr<CommitReply> reply) {
    if (!reply.ok()) return StopPrune(reply.status());
    switch (reply->code) {
      case state::CommitCode::kCommitted:
        return OnPruned(*reply);
      case state::CommitCode::kConflict:
        return follower_.CatchUp({batch_position_.incarnation, reply->n},
                                 [this](const Status& status) {
                                   if (!status.ok()) return StopPrune(status);
                                   ReadPruned();
                                 });
      case state::CommitCode::kClosed:
        return StopPrune(Unavailable("the shard is closed"));
      case state::CommitCode::kUnloaded:
        return hydrator_.LoadAll(std::move(reply->unloaded), [this](const Status& status) {
          if (!status.ok()) return StopPrune(status);
          ReadPruned();
        });
      case state::CommitCode::kOverloaded:
        return EndPrune(ResourceExhausted("persistence is behind"));
    }
  });
}

void Shard::OnPruned(const CommitReply& reply) {
  const state::Position position{batch_position_.incarnation, reply.n};
  FeedEntry entry;
  if (entry.Decode(position, prune_->batch.entry())) follower_.AcceptPrune(entry);
  feed().SetPersisted(reply.persisted);
  EndPrune(prune_->batch.cell_count());
}

// Nothing is lost with it: the next sweep finds the cells again.
void Shard::StopPrune(const Status& status) {
  StopBatch();
  EndPrune(status);
}

void Shard::EndPrune(StatusOr<size_t> dropped) {
  busy_ = false;
  const std::unique_ptr<PruneJob> job = std::move(prune_);
  job->callback(std::move(dropped));
  Pump();
}

}  // namespace topgun::sync
