#include "backend/shard_lane.h"

#include <algorithm>
#include <utility>

#include "topgun/crdt/v1/crdt.pb.h"

namespace topgun::gateway {

void ShardLane::Append(const wire::Op& op, std::string_view origin, const OpRef& ref) {
  if (filling_ == nullptr) {
    const uint64_t id = next_sequence_++ << kShardBits | shard_;
    filling_ = std::make_shared<Part>(id, shard_, budget_);
  }
  filling_->Append(op, origin, ref);
  if (filling_->Full()) waiting_.push_back(std::move(filling_));
}

void ShardLane::MoveTo(Replica* replica, Time now) {
  if (replica == replica_) {
    next_replica_.reset();
    return;
  }
  if (!next_replica_) move_deadline_ = now + kMovePatience;
  next_replica_ = replica;
  if (in_flight_.empty()) FinishMove();
}

void ShardLane::FinishMove() {
  if (!next_replica_) return;
  replica_ = *next_replica_;
  next_replica_.reset();
}

size_t ShardLane::Resend() {
  const size_t count = in_flight_.size();
  waiting_.insert(waiting_.begin(), in_flight_.begin(), in_flight_.end());
  in_flight_.clear();
  FinishMove();
  return count;
}

size_t ShardLane::Tick(Time now) {
  Release();
  return next_replica_ && now >= move_deadline_ ? Resend() : 0;
}

PartPtr ShardLane::TakeNext(Time now) {
  if (next_replica_ || in_flight_.size() >= kInFlightMax || now < not_before_) return nullptr;
  PartPtr part;
  if (!waiting_.empty()) {
    part = std::move(waiting_.front());
    waiting_.pop_front();
  } else {
    part = std::move(filling_);
  }
  if (part != nullptr) in_flight_.push_back(part);
  return part;
}

PartPtr ShardLane::TakeInFlight(uint64_t part_id) {
  const auto found = std::find_if(in_flight_.begin(), in_flight_.end(),
                                  [&](const PartPtr& part) { return part->id() == part_id; });
  if (found == in_flight_.end()) return nullptr;
  PartPtr part = std::move(*found);
  in_flight_.erase(found);
  if (in_flight_.empty()) FinishMove();
  return part;
}

void ShardLane::OnCommitted(uint64_t part_id, const state::Position& position,
                            std::string_view outcomes) {
  const PartPtr part = TakeInFlight(part_id);
  if (part == nullptr) return;
  backoff_ = kBackoffMin;
  OnIncarnation(position.incarnation);
  if (position.incarnation < incarnation_) {  // may have been lost since
    waiting_.push_front(part);
    return;
  }
  part->committed_at = position;
  const std::vector<OpRef>& refs = part->refs();
  for (size_t i = 0; i < refs.size(); ++i) {
    const bool rejected = i < outcomes.size() && outcomes[i] == crdt::v1::OUTCOME_REJECTED;
    observer_.OnOpDone(refs[i], rejected ? OpOutcome::kRejected : OpOutcome::kApplied);
  }
  if (!part->Settled(observer_)) committed_.push_back(part);
  Release();
}

void ShardLane::OnOverloaded(uint64_t part_id) {
  const PartPtr part = TakeInFlight(part_id);
  if (part != nullptr) Finish(*part, OpOutcome::kOverloaded);
}

void ShardLane::Finish(const Part& part, OpOutcome outcome) {
  for (const OpRef& ref : part.refs()) observer_.OnOpDone(ref, outcome);
}

void ShardLane::OnUnavailable(uint64_t part_id, Time now) {
  const PartPtr part = TakeInFlight(part_id);
  if (part == nullptr) return;
  if (part->Settled(observer_)) return;  // nobody is left who waits for it
  waiting_.push_front(part);
  not_before_ = now + backoff_;
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
}

void ShardLane::OnIncarnation(uint64_t incarnation) {
  if (incarnation <= incarnation_) return;
  incarnation_ = incarnation;
  for (PartPtr& part : std::exchange(committed_, {})) {
    if (part->committed_at.incarnation >= incarnation || part->Settled(observer_)) continue;
    for (const OpRef& ref : part->refs()) observer_.OnOpReopened(ref);
    waiting_.push_back(std::move(part));
  }
}

void ShardLane::Release() {
  while (!committed_.empty() && committed_.front()->Settled(observer_)) committed_.pop_front();
}

}  // namespace topgun::gateway
