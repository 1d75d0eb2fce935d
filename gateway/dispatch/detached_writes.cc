#include "dispatch/detached_writes.h"

#include <iterator>
#include <utility>

namespace topgun::gateway {

void DetachedWrites::Write(std::span<const wire::Op> ops, std::string_view origin, Done done) {
  if (ops.size() > options_.ops_max - waiting_ || sink_->Overloaded()) {
    return Refuse(ops.size(), std::move(done));
  }
  const uint64_t first = next_op_;
  next_op_ += ops.size();
  Batch batch{.done = std::move(done),
              .deadline = std::chrono::steady_clock::now() + options_.patience,
              .open = ops.size(),
              .states = std::vector(ops.size(), State::kOpen),
              .outcomes = std::vector(ops.size(), OpOutcome::kOverloaded)};
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
  waiting_ += ops.size();
  probe_.DetachedWaiting(static_cast<int64_t>(ops.size()));
  batches_.emplace(first, std::move(batch));
  const ConnectionId nobody{.slot = kDetachedSlot, .generation = 0};
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].kind == wire::OpKind::kNothing) continue;
    sink_->Submit(ops[i], wire::WriteConcern::kApplied, origin,
                  {.connection = nobody, .op = first + i});
  }
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
  finished.done(finished.outcomes);
}

void DetachedWrites::Tick(Time now) {
  while (!batches_.empty() && batches_.begin()->second.deadline <= now) {
    Finish(batches_.begin());
  }
}

}  // namespace topgun::gateway
