#include "dispatch/ack_ledger.h"

#include <algorithm>
#include <utility>

#include "dispatch/error_codes.h"

namespace topgun::gateway {

using wire::WriteConcern;

AckLedger::~AckLedger() {
  for (uint64_t op = records_.first(); op < records_.end(); ++op) {
    const OpRecord& record = records_.At(op);
    if (record.state == State::kOpen) --stats_.waiting[IndexOf(record.wanted)];
  }
}

// ---- Frames ----

void AckLedger::BeginFrame(Time received) {
  frames_.push_back({.received = received, .ranges = {}, .new_ops_end = records_.end(), .open = 0});
}

std::optional<uint64_t> AckLedger::Add(const wire::Op& op, const WriteTerms& terms) {
  const OpIdentity identity = IdentityOf(op);
  acks_.OnSentAgain(identity, CurrentFrame());
  const OpIdentity key = WithConcern(identity, terms.concern);
  const uint64_t number = records_.end();
  const uint64_t known = records_.InFlight(key, number);
  if (known != number) {
    if (Join(known, terms)) return std::nullopt;
    records_.Replace(key, number);
  }
  OpRecord& record = NewRecord(op, terms);
  record.key = key;
  record.uncommitted = true;
  record.met = terms.concern == WriteConcern::kFireAndForget;
  if (!record.met) Open(record);
  return number;
}

// False: there is nothing left to wait for, the op is a new one.
bool AckLedger::Join(uint64_t op, const WriteTerms& terms) {
  OpRecord& record = records_.At(op);
  if (record.state == State::kAnswered) return false;
  if (record.state == State::kExpired) {
    if (!record.uncommitted) return false;
    record.frame = CurrentFrame();
    record.named = terms.named;
    Open(record);
  }
  if (record.state == State::kOpen) SetDeadline(op, std::min(record.deadline, terms.deadline));
  Contain(op);
  return true;
}

void AckLedger::AddFinished(const wire::Op& op, const WriteTerms& terms) {
  OpRecord& record = NewRecord(op, terms);
  record.reached = WriteConcern::kApplied;
  record.met = true;
}

void AckLedger::AddRefused(const wire::Op& op, std::string reason) {
  OpRecord& record = NewRecord(op, {});
  record.state = State::kRefused;
  records_.MarkUnusual(record);
  records_.SetError(records_.end() - 1, std::move(reason));
}

OpRecord& AckLedger::NewRecord(const wire::Op& op, const WriteTerms& terms) {
  OpRecord& record = records_.Add(op, CurrentFrame());
  record.wanted = terms.concern;
  record.named = terms.named;
  if (terms.named || terms.concern != WriteConcern::kApplied) records_.MarkUnusual(record);
  if (terms.deadline != WriteTerms::kNoDeadline) SetDeadline(records_.end() - 1, terms.deadline);
  Contain(records_.end() - 1);
  frames_.back().new_ops_end = records_.end();
  return record;
}

// Consecutive ops form one range, so a frame that repeats a thousand ops stays small.
void AckLedger::Contain(uint64_t op) {
  records_.At(op).last_frame = CurrentFrame();
  std::vector<PendingFrame::Range>& ranges = frames_.back().ranges;
  if (!ranges.empty() && ranges.back().first + ranges.back().count == op) {
    ++ranges.back().count;
  } else {
    ranges.push_back({.first = op, .count = 1});
  }
}

template <typename Visit>
void AckLedger::ForEachOp(const PendingFrame& frame, Visit visit) {
  for (const PendingFrame::Range& range : frame.ranges) {
    for (uint64_t op = range.first; op < range.first + range.count; ++op) {
      visit(op, records_.At(op));
    }
  }
}

void AckLedger::Advance() {
  if (advancing_) return;
  advancing_ = true;
  while (!frames_.empty() && frames_.front().open == 0) {
    const PendingFrame frame = std::move(frames_.front());
    frames_.pop_front();
    const uint64_t number = first_frame_++;
    Finish(frame, number, std::exchange(acked_ops_, frame.new_ops_end));
    records_.Release(first_frame_);
  }
  advancing_ = false;
}

void AckLedger::Finish(const PendingFrame& frame, uint64_t number, uint64_t own_ops) {
  if (!deadlines_.empty()) {
    ForEachOp(frame, [&](uint64_t op, const OpRecord& record) {
      if (record.frame == number) SetDeadline(op, WriteTerms::kNoDeadline);
    });
  }
  if (records_.any_unusual()) {
    if (ContainsLost(frame)) return output_.OnFrameLost();
    TellRejected(frame);
  }
  const wire::OpAckFrame* const ack = acks_.Compose(frame, number, own_ops, frames_.empty());
  if (ack != nullptr) output_.OnAck(*ack, frame.received);
}

bool AckLedger::ContainsLost(const PendingFrame& frame) {
  bool lost = false;
  ForEachOp(frame, [&](uint64_t, const OpRecord& record) { lost |= record.state == State::kLost; });
  return lost;
}

// ERROR first, so that a client sees why before anything is acknowledged (core.md 5.3).
void AckLedger::TellRejected(const PendingFrame& frame) {
  rejected_.clear();
  size_t count = 0;
  ForEachOp(frame, [&](uint64_t op, const OpRecord&) {
    OpRecord& record = records_.At(op);
    if (!std::exchange(record.untold, false)) return;
    ++count;
    if (record.has_id) rejected_.push_back(record.id);
  });
  if (count > 0) output_.OnRejected(rejected_, count);
}

// ---- Ops ----

void AckLedger::Open(OpRecord& record) {
  record.state = State::kOpen;
  ++frames_[record.frame - first_frame_].open;
  ++stats_.waiting[IndexOf(record.wanted)];
}

void AckLedger::Close(OpRecord& record, State state) {
  record.state = state;
  --frames_[record.frame - first_frame_].open;
  --stats_.waiting[IndexOf(record.wanted)];
  if (state != State::kFinished) records_.MarkUnusual(record);
}

void AckLedger::Meet(OpRecord& record) {
  record.met = true;
  if (record.state == State::kOpen) Close(record, State::kFinished);
}

void AckLedger::Done(uint64_t op, OpOutcome outcome) {
  if (!records_.Contains(op)) return;
  OpRecord& record = records_.At(op);
  if (!record.uncommitted) return;
  record.uncommitted = false;
  if (outcome == OpOutcome::kApplied) {
    Applied(op, record);
  } else if (record.state == State::kOpen && outcome == OpOutcome::kRejected) {
    records_.SetError(op, std::string(kRejectedText));
    record.untold = true;
    Close(record, State::kRefused);
  } else if (record.state == State::kOpen) {
    // From here on the op is a new one when it comes again.
    records_.Forget(record.key);
    acks_.AddHole(WithConcern(record.key, record.wanted));
    Close(record, State::kLost);
  }
  Advance();
  if (op < acked_ops_) records_.Release(first_frame_);
  if (!barriers_.empty()) RunBarriers();
}

void AckLedger::Applied(uint64_t op, OpRecord& record) {
  record.reached = std::max(record.reached, WriteConcern::kApplied);
  if (record.state == State::kExpired) return AcknowledgeLate(op, record);
  if (record.wanted <= WriteConcern::kApplied) Meet(record);
}

void AckLedger::ConcernMet(uint64_t op, WriteConcern level) {
  if (!records_.Contains(op)) return;
  OpRecord& record = records_.At(op);
  record.reached = std::max(record.reached, level);
  if (record.state != State::kOpen) return;
  Meet(record);
  Advance();
}

void AckLedger::Reopen(uint64_t op) {
  if (!records_.Contains(op)) return;
  OpRecord& record = records_.At(op);
  const bool waits = record.state == State::kOpen || record.state == State::kFinished;
  if (record.uncommitted || !waits || record.frame < first_frame_) return;
  record.uncommitted = true;
  record.reached = WriteConcern::kFireAndForget;
  committed_ops_ = std::min(committed_ops_, op);
  if (record.state == State::kOpen || record.wanted == WriteConcern::kFireAndForget) return;
  record.met = false;
  Open(record);
}

bool AckLedger::RememberLost(const wire::Op& op, WriteConcern concern) {
  const OpIdentity identity = IdentityOf(op);
  if (!records_.IsInFlight(WithConcern(identity, concern))) acks_.AddHole(identity);
  return holes() <= kHolesMax;
}

bool AckLedger::AwaitsLateAck(uint64_t op) const {
  if (!records_.Contains(op)) return false;
  const OpRecord& record = records_.At(op);
  return record.frame >= first_frame_ || (record.state == State::kExpired && record.uncommitted);
}

// ---- Barriers ----

void AckLedger::Trim() {
  frames_.shrink_to_fit();
  records_.Trim();
}

void AckLedger::AddBarrier(std::function<void()> run) {
  barriers_.push_back({.ops_end = records_.end(), .run = std::move(run)});
  if (barriers_.size() == 1) RunBarriers();
}

void AckLedger::RunBarriers() {
  committed_ops_ = std::max(committed_ops_, records_.first());
  while (committed_ops_ < records_.end() && !records_.At(committed_ops_).uncommitted) {
    ++committed_ops_;
  }
  while (!barriers_.empty() && barriers_.front().ops_end <= committed_ops_) {
    const std::function<void()> run = std::move(barriers_.front().run);
    barriers_.pop_front();
    run();
  }
}

}  // namespace topgun::gateway
