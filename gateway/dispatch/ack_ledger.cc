#include "dispatch/ack_ledger.h"

#include <utility>

namespace topgun::gateway {

using wire::WriteConcern;

void AckLedger::BeginFrame(Time received) {
  frames_.push_back({.received = received,
                     .ranges = {},
                     .new_ops_end = first_op_ + records_.size(),
                     .open = 0,
                     .barrier = {}});
}

std::optional<uint64_t> AckLedger::Add(const wire::Op& op) {
  const OpIdentity identity = IdentityOf(op);
  const uint64_t number = first_op_ + records_.size();
  const auto [known, is_new] = in_flight_.try_emplace(identity, number);
  if (!is_new) {
    Contain(known->second);
    return std::nullopt;
  }
  if (!lost_.empty()) lost_.erase(identity);
  NewRecord(op).identity = identity;
  ++frames_.back().open;
  return number;
}

void AckLedger::AddFinished(const wire::Op& op) { NewRecord(op).state = State::kFinished; }

void AckLedger::AddRefused(const wire::Op& op, std::string reason) {
  NewRecord(op).state = State::kRefused;
  errors_.emplace(first_op_ + records_.size() - 1, std::move(reason));
  ++bad_records_;
}

AckLedger::Record& AckLedger::NewRecord(const wire::Op& op) {
  Record& record = records_.emplace_back();
  record.frame = first_frame_ + frames_.size() - 1;
  record.has_id = op.has_id;
  record.id.assign(op.id);
  if (op.has_id) ++records_with_id_;
  Contain(first_op_ + records_.size() - 1);
  frames_.back().new_ops_end = first_op_ + records_.size();
  return record;
}

// Consecutive ops form one range, so a frame that repeats a thousand ops stays small.
void AckLedger::Contain(uint64_t op) {
  RecordOf(op).last_frame = first_frame_ + frames_.size() - 1;
  std::vector<Range>& ranges = frames_.back().ranges;
  if (!ranges.empty() && ranges.back().first + ranges.back().count == op) {
    ++ranges.back().count;
  } else {
    ranges.push_back({.first = op, .count = 1});
  }
}

void AckLedger::EndFrame() { Advance(); }

void AckLedger::AddBarrier(std::function<void()> run) {
  if (frames_.empty()) return run();
  BeginFrame({});
  frames_.back().barrier = std::move(run);
}

void AckLedger::Done(uint64_t op, OpOutcome outcome) {
  if (!AwaitsAck(op)) return;
  Record& record = RecordOf(op);
  if (record.state != State::kOpen) return;
  switch (outcome) {
    case OpOutcome::kApplied:
      record.state = State::kFinished;
      break;
    case OpOutcome::kRejected:
      record.state = State::kRefused;
      errors_.emplace(op, "rejected");
      ++bad_records_;
      break;
    case OpOutcome::kOverloaded:
      // From here on the op is a new one when it comes again.
      record.state = State::kLost;
      in_flight_.erase(record.identity);
      lost_.insert(record.identity);
      ++bad_records_;
      break;
  }
  --frames_[record.frame - first_frame_].open;
  Advance();
}

void AckLedger::Reopen(uint64_t op) {
  if (!AwaitsAck(op)) return;
  Record& record = RecordOf(op);
  if (record.state != State::kFinished) return;
  record.state = State::kOpen;
  ++frames_[record.frame - first_frame_].open;
}

bool AckLedger::RememberLost(const wire::Op& op) {
  const OpIdentity identity = IdentityOf(op);
  if (!in_flight_.contains(identity)) lost_.insert(identity);
  return lost_.size() <= kLostMax;
}

void AckLedger::Advance() {
  if (advancing_) return;
  advancing_ = true;
  while (!frames_.empty() && frames_.front().open == 0) {
    const Frame frame = std::move(frames_.front());
    frames_.pop_front();
    const uint64_t number = first_frame_++;
    acked_ops_ = frame.new_ops_end;
    Finish(frame);
    ReleaseRecords(number);
  }
  advancing_ = false;
}

void AckLedger::Finish(const Frame& frame) {
  if (frame.barrier) return frame.barrier();
  if (bad_records_ > 0 && ContainsLost(frame)) return output_.OnFrameLost();
  Acknowledge(frame);
}

bool AckLedger::ContainsLost(const Frame& frame) const {
  for (const Range& range : frame.ranges) {
    for (uint64_t op = range.first; op < range.first + range.count; ++op) {
      if (RecordOf(op).state == State::kLost) return true;
    }
  }
  return false;
}

void AckLedger::Acknowledge(const Frame& frame) {
  ack_.results.clear();
  ack_.achieved_level.reset();
  if (frame.ranges.empty()) {
    ack_.last_id = LastIdAfter(nullptr);
  } else if (bad_records_ == 0 && lost_.empty()) {
    const Range& range = frame.ranges.back();
    ack_.achieved_level = WriteConcern::kApplied;
    ack_.last_id = LastIdAfter(&RecordOf(range.first + range.count - 1));
  } else {
    ack_.achieved_level = WriteConcern::kApplied;
    FillResults(frame);
  }
  output_.OnAck(ack_, frame.received);
}

// `lastId` covers the finished ops up to the first refused one, `results` all others.
void AckLedger::FillResults(const Frame& frame) {
  const Record* prefix_end = nullptr;
  bool in_prefix = lost_.empty();
  for (const Range& range : frame.ranges) {
    for (uint64_t op = range.first; op < range.first + range.count; ++op) {
      const Record& record = RecordOf(op);
      const bool success = record.state == State::kFinished;
      in_prefix = in_prefix && success;
      if (in_prefix) {
        prefix_end = &record;
      } else if (record.has_id) {
        wire::OpResult& result = ack_.results.emplace_back();
        result.op_id = record.id;
        result.success = success;
        result.achieved_level = success ? WriteConcern::kApplied : WriteConcern::kFireAndForget;
        if (!success) result.error = errors_.at(op);
      }
    }
  }
  ack_.last_id = prefix_end == nullptr ? std::string_view(last_acked_) : LastIdAfter(prefix_end);
}

// "unknown" deletes everything the client has pending, so it is only for clients without ids in
// flight. `last` is null for a frame without ops.
std::string_view AckLedger::LastIdAfter(const Record* last) {
  if (last != nullptr && last->has_id) {
    last_acked_ = last->id;
    return last_acked_;
  }
  size_t waiting = records_with_id_;
  // The records of the frame itself are still there; those of later frames must not be deleted.
  for (const Record& record : records_) {
    if (waiting == 0 || record.frame >= first_frame_) break;
    if (record.has_id) --waiting;
  }
  const bool nothing_waits = waiting == 0 && lost_.empty() && (last != nullptr || frames_.empty());
  return nothing_waits ? std::string_view("unknown") : std::string_view(last_acked_);
}

void AckLedger::ReleaseRecords(uint64_t frame_number) {
  while (!records_.empty() && records_.front().last_frame <= frame_number) {
    const Record& record = records_.front();
    if (record.has_id) --records_with_id_;
    if (record.state == State::kRefused || record.state == State::kLost) {
      --bad_records_;
      errors_.erase(first_op_);
    }
    if (const auto known = in_flight_.find(record.identity);
        known != in_flight_.end() && known->second == first_op_) {
      in_flight_.erase(known);
    }
    records_.pop_front();
    ++first_op_;
  }
}

}  // namespace topgun::gateway
