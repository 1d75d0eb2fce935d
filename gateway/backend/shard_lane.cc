#include "backend/shard_lane.h"

#include <algorithm>
#include <utility>

#include "backend/replica_set.h"
#include "topgun/crdt/v1/crdt.pb.h"

namespace topgun::gateway {

using wire::WriteConcern;

void ShardLane::Append(const wire::Op& op, WriteConcern concern, std::string_view origin,
                       const OpRef& ref) {
  Filling(concern == WriteConcern::kReplicated).Append(op, concern, origin, ref);
  EndIfFull();
}

void ShardLane::AppendDeadTag(std::string_view map, std::string_view tag, const OpRef& ref) {
  Filling(false).AppendDeadTag(map, tag, ref);
  EndIfFull();
}

void ShardLane::AppendCounted(std::string_view counter, const CountedNode& counted,
                              const OpRef& ref) {
  Filling(false).AppendCounted(counter, counted, ref);
  EndIfFull();
}

// Ops that do not ask for replication do not wait for it.
Part& ShardLane::Filling(bool replicate) {
  if (filling_ != nullptr && filling_->waits_for_replication() != replicate) {
    waiting_.push_back(std::move(filling_));
  }
  if (filling_ == nullptr) {
    const uint64_t id = next_sequence_++ << kShardBits | shard_;
    filling_ = std::make_shared<Part>(id, shard_, budget_);
  }
  return *filling_;
}

void ShardLane::EndIfFull() {
  if (filling_->Full()) waiting_.push_back(std::move(filling_));
}

namespace {

// A part has one span: it is the child of the first traced frame with ops in it, the others link to
// it.
void TracePart(Part& part, Tracer& tracer, Tracer::Traced& frame) {
  if (part.traced() == nullptr) {
    part.set_traced(tracer.TracePart(frame));
  } else if (frame.links.size() < tracing::kLinksMax) {
    frame.links.push_back(part.traced()->context);
  }
}

}  // namespace

void ShardLane::Follow(const OpRef& first, Tracer& tracer, Tracer::Frame& frame) {
  const auto follow = [&](Part& part) {
    const OpRef& last = part.refs().back();
    if (last.connection != first.connection || last.op < first.op) return false;
    if (part.trace() == 0) part.set_trace(tracer.NewTrace());
    frame.parts.push_back(part.trace());
    if (frame.traced != nullptr) TracePart(part, tracer, *frame.traced);
    return true;
  };
  if (filling_ != nullptr) follow(*filling_);
  for (auto part = waiting_.rbegin(); part != waiting_.rend() && follow(**part);) ++part;
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
  // One client that waits for something else must not keep what all others have had acknowledged.
  const auto settled = [this](const PartPtr& part) { return part->Settled(observer_); };
  std::erase_if(committed_, settled);
  std::erase_if(persisting_, settled);
  return next_replica_ && now >= move_deadline_ ? Resend() : 0;
}

PartPtr ShardLane::TakeNext(Time now) {
  if (next_replica_ || now < not_before_) return nullptr;
  const PartPtr& next = waiting_.empty() ? filling_ : waiting_.front();
  if (next == nullptr || !HasRoomFor(*next)) return nullptr;
  PartPtr part;
  if (!waiting_.empty()) {
    part = std::move(waiting_.front());
    waiting_.pop_front();
  } else {
    part = std::move(filling_);
  }
  in_flight_.push_back(part);
  return part;
}

bool ShardLane::HasRoomFor(const Part& part) const {
  const auto waits = [](const PartPtr& other) { return other->waits_for_replication(); };
  const auto replicating =
      static_cast<size_t>(std::count_if(in_flight_.begin(), in_flight_.end(), waits));
  return part.waits_for_replication() ? replicating < kReplicatingMax
                                      : in_flight_.size() - replicating < kInFlightMax;
}

const Part* ShardLane::InFlight(uint64_t part_id) const {
  const auto found = std::find_if(in_flight_.begin(), in_flight_.end(),
                                  [&](const PartPtr& part) { return part->id() == part_id; });
  return found == in_flight_.end() ? nullptr : found->get();
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

bool ShardLane::owes_commits() const {
  const auto promised = [](const PartPtr& part) { return part->promised(); };
  return (filling_ != nullptr && filling_->promised()) ||
         std::any_of(in_flight_.begin(), in_flight_.end(), promised) ||
         std::any_of(waiting_.begin(), waiting_.end(), promised);
}

ShardLane::State ShardLane::state() const {
  return {.shard = shard_,
          .replica = replica_ == nullptr ? std::string_view() : replica_->address(),
          .filling_ops = filling_ == nullptr ? 0 : filling_->refs().size(),
          .waiting_parts = waiting_.size(),
          .in_flight_parts = in_flight_.size(),
          .committed_parts = committed_.size(),
          .persisting_parts = persisting_.size()};
}

// ---- Results ----

void ShardLane::OnCommitted(uint64_t part_id, const Commit& commit) {
  PartPtr part = TakeInFlight(part_id);
  if (part == nullptr) return;
  backoff_ = kBackoffMin;
  OnIncarnation(commit.position.incarnation);
  if (commit.position.incarnation < incarnation_) {  // may have been lost since
    waiting_.push_front(std::move(part));
    return;
  }
  part->committed_at = commit.position;
  const std::vector<OpRef>& refs = part->refs();
  for (size_t i = 0; i < refs.size(); ++i) {
    const bool rejected =
        i < commit.outcomes.size() && commit.outcomes[i] == crdt::v1::OUTCOME_REJECTED;
    observer_.OnOpDone(refs[i], rejected ? OpOutcome::kRejected : OpOutcome::kApplied);
  }
  TellRestamped(*part, commit.outcomes);
  if (!part->concerns().empty()) Meet(*part, commit);
  if (!part->Settled(observer_)) Keep(std::move(part), commit);
  Release();
}

void ShardLane::TellRestamped(const Part& part, std::string_view outcomes) {
  constexpr auto kRestamped = static_cast<char>(crdt::v1::OUTCOME_RESTAMPED);
  for (size_t i = outcomes.find(kRestamped); i < part.refs().size();
       i = outcomes.find(kRestamped, i + 1)) {
    observer_.OnRestamped(part.refs()[i], part.OpAt(i));
  }
}

// Meets what a commit can meet.
void ShardLane::Meet(const Part& part, const Commit& commit) {
  for (const Part::Concern& concern : part.concerns()) {
    if (concern.level <= WriteConcern::kApplied) continue;
    const OpRef& ref = part.refs()[concern.index];
    if (concern.level == WriteConcern::kReplicated && commit.replicated) {
      observer_.OnConcernMet(ref, WriteConcern::kReplicated);
    } else if (commit.never_persisted) {
      observer_.OnConcernMet(ref, WriteConcern::kApplied);
    }
  }
}

void ShardLane::Keep(PartPtr part, const Commit& commit) {
  const auto waits = [&commit](const Part::Concern& concern) {
    return concern.level == WriteConcern::kPersisted ||
           (concern.level == WriteConcern::kReplicated && !commit.replicated);
  };
  if (commit.never_persisted ||
      std::none_of(part->concerns().begin(), part->concerns().end(), waits)) {
    committed_.push_back(std::move(part));
  } else if (IsPersisted(*part)) {
    MeetPersisted(*part);
    committed_.push_back(std::move(part));
  } else {
    persisting_.push_back(std::move(part));
  }
}

bool ShardLane::IsPersisted(const Part& part) const {
  return part.committed_at.incarnation == persisted_.incarnation &&
         part.committed_at.n <= persisted_.n;
}

void ShardLane::OnPersisted(const state::Position& position) {
  OnIncarnation(position.incarnation);
  persisted_ = std::max(persisted_, position);
  for (PartPtr& part : persisting_) {
    if (!IsPersisted(*part)) continue;
    MeetPersisted(*part);
    committed_.push_back(std::move(part));
  }
  std::erase(persisting_, nullptr);
  Release();
}

void ShardLane::MeetPersisted(const Part& part) {
  for (const Part::Concern& concern : part.concerns()) {
    if (concern.level <= WriteConcern::kApplied) continue;
    observer_.OnConcernMet(part.refs()[concern.index], WriteConcern::kPersisted);
  }
}

void ShardLane::OnAccepted(uint64_t part_id) {
  const auto found = std::find_if(in_flight_.begin(), in_flight_.end(),
                                  [&](const PartPtr& part) { return part->id() == part_id; });
  if (found == in_flight_.end()) return;
  const Part& part = **found;
  for (const Part::Concern& concern : part.concerns()) {
    if (concern.level != WriteConcern::kMemory) continue;
    observer_.OnConcernMet(part.refs()[concern.index], WriteConcern::kMemory);
  }
}

void ShardLane::OnOverloaded(uint64_t part_id, Time now) {
  PartPtr part = TakeInFlight(part_id);
  if (part == nullptr) return;
  auto concern = part->concerns().begin();
  for (size_t i = 0; i < part->refs().size(); ++i) {
    const bool named = concern != part->concerns().end() && concern->index == i;
    if (named && (concern++)->level < WriteConcern::kApplied) continue;
    observer_.OnOpDone(part->refs()[i], OpOutcome::kOverloaded);
  }
  if (part->promised()) Retry(std::move(part), now);
}

void ShardLane::OnRefused(uint64_t part_id) {
  const PartPtr part = TakeInFlight(part_id);
  if (part == nullptr) return;
  for (const OpRef& ref : part->refs()) observer_.OnOpDone(ref, OpOutcome::kOverloaded);
}

void ShardLane::OnUnavailable(uint64_t part_id, Time now) {
  PartPtr part = TakeInFlight(part_id);
  if (part == nullptr) return;
  // Unless nobody is left who waits for it.
  if (part->promised() || !part->Settled(observer_)) Retry(std::move(part), now);
}

void ShardLane::Retry(PartPtr part, Time now) {
  waiting_.push_front(std::move(part));
  not_before_ = now + backoff_;
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
}

// ---- Incarnations ----

void ShardLane::OnIncarnation(uint64_t incarnation) {
  if (incarnation <= incarnation_) return;
  incarnation_ = incarnation;
  SendAgain(committed_);
  SendAgain(persisting_);
}

void ShardLane::SendAgain(std::deque<PartPtr>& parts) {
  for (PartPtr& part : std::exchange(parts, {})) {
    if (part->committed_at.incarnation >= incarnation_ || part->Settled(observer_)) continue;
    for (const OpRef& ref : part->refs()) observer_.OnOpReopened(ref);
    waiting_.push_back(std::move(part));
  }
}

void ShardLane::Release() {
  while (!committed_.empty() && committed_.front()->Settled(observer_)) committed_.pop_front();
}

}  // namespace topgun::gateway
