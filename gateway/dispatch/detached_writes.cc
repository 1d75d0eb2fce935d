#include "dispatch/detached_writes.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace topgun::gateway {
namespace {

constexpr ConnectionId kNobody{.slot = kDetachedSlot, .generation = 0};

}  // namespace

void DetachedWrites::Write(std::span<const wire::Op> ops, std::string_view origin, Done done) {
  if (!HasRoom(ops.size())) return Refuse(ops.size(), std::move(done));
  Batch batch = NewBatch(ops.size(), std::move(done));
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].kind != wire::OpKind::kNothing) continue;
    batch.states[i] = State::kFinished;
    batch.outcomes[i] = OpOutcome::kApplied;
    --batch.open;
  }
  if (batch.open == 0) {
    return defer_(
        [done = std::move(batch.done), outcomes = std::move(batch.outcomes)] { done(outcomes); });
  }
  const uint64_t first = Begin(std::move(batch));
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].kind == wire::OpKind::kNothing) continue;
    sink_->Submit(ops[i], wire::WriteConcern::kApplied, origin,
                  {.connection = kNobody, .op = first + i});
  }
  Follow(first);
}

void DetachedWrites::DeclareDead(std::string_view map, std::span<const std::string> tags,
                                 Done done) {
  const uint32_t shards = sink_->shard_count();
  const size_t count = tags.size() * shards;
  if (!HasRoom(count)) return Refuse(count, std::move(done));
  if (count == 0) return defer_([done = std::move(done)] { done({}); });
  const uint64_t first = Begin(NewBatch(count, std::move(done)));
  uint64_t op = first;
  for (const std::string& tag : tags) {
    for (uint32_t shard = 0; shard < shards; ++shard) {
      sink_->SubmitDeadTag(shard, map, tag, {.connection = kNobody, .op = op++});
    }
  }
  Follow(first);
}

void DetachedWrites::Count(std::string_view counter, std::span<const CountedNode> nodes,
                           Done done) {
  if (!HasRoom(nodes.size())) return Refuse(nodes.size(), std::move(done));
  if (nodes.empty()) return defer_([done = std::move(done)] { done({}); });
  const uint64_t first = Begin(NewBatch(nodes.size(), std::move(done)));
  for (size_t i = 0; i < nodes.size(); ++i) {
    sink_->SubmitCounted(counter, nodes[i], {.connection = kNobody, .op = first + i});
  }
  Follow(first);
}

bool DetachedWrites::HasRoom(size_t count) const {
  return waiting_ + count <= ops_max_ && !sink_->Overloaded();
}

DetachedWrites::Batch DetachedWrites::NewBatch(size_t count, Done done) const {
  return {.done = std::move(done),
          .deadline = std::chrono::steady_clock::now() + options_.patience,
          .open = count,
          .states = std::vector(count, State::kOpen),
          .outcomes = std::vector(count, OpOutcome::kOverloaded)};
}

uint64_t DetachedWrites::Begin(Batch batch) {
  const uint64_t first = next_op_;
  const size_t count = batch.states.size();
  next_op_ += count;
  waiting_ += count;
  probe_.DetachedWaiting(static_cast<int64_t>(count));
  batches_.emplace(first, std::move(batch));
  return first;
}

void DetachedWrites::Follow(uint64_t first) {
  const auto batch = batches_.find(first);
  if (batch == batches_.end()) return;
  batch->second.followed = probe_.tracer().FollowWrite(batch->second.open);
  if (batch->second.followed == nullptr) return;
  sink_->Follow({.connection = kNobody, .op = first}, *batch->second.followed);
}

void DetachedWrites::Refuse(size_t count, Done done) {
  for (size_t i = 0; i < count; ++i) probe_.DetachedDone(OpFate::kDropped);
  defer_([count, done = std::move(done)] {
    done(std::vector<OpOutcome>(count, OpOutcome::kOverloaded));
  });
}

DetachedWrites::Batches::const_iterator DetachedWrites::Find(uint64_t op) const {
  auto after = batches_.upper_bound(op);
  if (after == batches_.begin()) return batches_.end();
  const auto batch = std::prev(after);
  return op - batch->first < batch->second.states.size() ? batch : batches_.end();
}

DetachedWrites::Batch* DetachedWrites::BatchOf(uint64_t op, size_t* index) {
  const auto found = Find(op);
  if (found == batches_.end()) return nullptr;
  *index = op - found->first;
  return &batches_.find(found->first)->second;
}

void DetachedWrites::OnOpDone(const OpRef& ref, OpOutcome outcome) {
  size_t index = 0;
  Batch* const batch = BatchOf(ref.op, &index);
  if (batch == nullptr || batch->states[index] == State::kFinished) return;
  batch->states[index] = State::kFinished;
  batch->outcomes[index] = outcome;
  if (--batch->open == 0) Finish(batches_.find(ref.op - index));
}

void DetachedWrites::OnOpReopened(const OpRef& ref) {
  size_t index = 0;
  Batch* const batch = BatchOf(ref.op, &index);
  if (batch == nullptr || batch->states[index] == State::kOpen) return;
  batch->states[index] = State::kOpen;
  batch->outcomes[index] = OpOutcome::kOverloaded;
  ++batch->open;
}

// The batch is forgotten before its owner hears of it, so nothing is kept for it any more.
void DetachedWrites::Finish(Batches::iterator batch) {
  const Batch finished = std::move(batches_.extract(batch).mapped());
  waiting_ -= finished.states.size();
  probe_.DetachedWaiting(-static_cast<int64_t>(finished.states.size()));
  for (const OpOutcome outcome : finished.outcomes) {
    probe_.DetachedDone(outcome == OpOutcome::kApplied    ? OpFate::kApplied
                        : outcome == OpOutcome::kRejected ? OpFate::kRejected
                                                          : OpFate::kDropped);
  }
  if (finished.followed != nullptr) {
    const auto lost =
        std::count(finished.outcomes.begin(), finished.outcomes.end(), OpOutcome::kOverloaded);
    probe_.tracer().WriteEnded(*finished.followed, static_cast<uint64_t>(lost));
  }
  finished.done(finished.outcomes);
}

void DetachedWrites::Tick(Time now) {
  while (!batches_.empty() && batches_.begin()->second.deadline <= now) {
    Finish(batches_.begin());
  }
}

}  // namespace topgun::gateway
