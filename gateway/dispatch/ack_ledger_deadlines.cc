// AckLedger: ops whose deadline passes before their frame is acknowledged.
#include <utility>

#include "dispatch/ack_ledger.h"

namespace topgun::gateway {

using wire::WriteConcern;

void AckLedger::SetDeadline(uint64_t op, WriteTerms::Time deadline) {
  OpRecord& record = records_.At(op);
  if (record.deadline == deadline) return;
  if (record.deadline != WriteTerms::kNoDeadline) deadlines_.erase({record.deadline, op});
  record.deadline = deadline;
  if (deadline == WriteTerms::kNoDeadline) return;
  deadlines_.emplace(deadline, op);
  records_.MarkUnusual(record);
}

bool AckLedger::Expire(Time now) {
  if (deadlines_.empty()) return false;
  if (deadlines_.begin()->first > now) return true;
  acks_.BeginResults();
  timed_out_.clear();
  timed_out_count_ = 0;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const uint64_t op = deadlines_.begin()->second;
    OpRecord& record = records_.At(op);
    SetDeadline(op, WriteTerms::kNoDeadline);
    ExpireOp(op, record);
  }
  if (timed_out_count_ > 0) output_.OnTimedOut(timed_out_, timed_out_count_);
  if (const wire::OpAckFrame* const ack = acks_.Results()) output_.OnResults(*ack);
  Advance();
  return !deadlines_.empty();
}

// A finished op may still be held back by its frame, or by frames ahead.
void AckLedger::ExpireOp(uint64_t op, OpRecord& record) {
  const bool open = record.state == State::kOpen;
  if (!open && record.state != State::kFinished) return;
  if (open && record.reached < WriteConcern::kApplied) {
    ++stats_.timeouts_unapplied;
    ++timed_out_count_;
    if (record.has_id) {
      timed_out_.push_back(record.id);
      acks_.AddHole(WithConcern(record.key, record.wanted));
    }
    return Close(record, State::kExpired);
  }
  if (open) ++stats_.timeouts_applied;
  if (!record.has_id) {  // only its frame can tell
    if (open) Close(record, State::kFinished);
    return;
  }
  acks_.AddResult(op);
  if (open) return Close(record, State::kAnswered);
  record.state = State::kAnswered;
}

void AckLedger::AcknowledgeLate(uint64_t op, OpRecord& record) {
  record.state = State::kAnswered;
  record.met = record.wanted <= WriteConcern::kApplied;
  if (!record.has_id) return;
  acks_.CloseHole(WithConcern(record.key, record.wanted));
  acks_.BeginResults();
  acks_.AddResult(op);
  output_.OnResults(*acks_.Results());
}

}  // namespace topgun::gateway
