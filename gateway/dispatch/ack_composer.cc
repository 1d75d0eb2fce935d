#include "dispatch/ack_composer.h"

#include <algorithm>

namespace topgun::gateway {

using State = OpRecord::State;
using wire::WriteConcern;

const wire::OpAckFrame* AckComposer::Compose(const PendingFrame& frame, uint64_t number,
                                             uint64_t own_ops, bool last) {
  ack_.results.clear();
  ack_.achieved_level.reset();
  if (frame.ranges.empty()) {
    ack_.last_id = LastIdAfter(nullptr, number, last);
    return &ack_;
  }
  if (records_.any_unusual() || !holes_.empty() || number < covered_from_) {
    return ComposeResults(frame, number, last) ? &ack_ : nullptr;
  }
  const PendingFrame::Range& range = frame.ranges.back();
  ack_.achieved_level = WriteConcern::kApplied;
  ack_.last_id = LastIdAfter(&records_.At(range.first + range.count - 1), number, last);
  stats_.acked[IndexOf(WriteConcern::kApplied)] += frame.new_ops_end - own_ops;
  return &ack_;
}

// False when everything has been said.
bool AckComposer::ComposeResults(const PendingFrame& frame, uint64_t number, bool last) {
  const OpRecord* prefix_end = nullptr;
  bool in_prefix = holes_.empty() && number >= covered_from_;
  bool says_something = false;
  for (const PendingFrame::Range& range : frame.ranges) {
    for (uint64_t op = range.first; op < range.first + range.count; ++op) {
      const OpRecord& record = records_.At(op);
      const bool own = record.frame == number;
      if (record.state == State::kOpen || record.state == State::kExpired) {
        in_prefix = false;  // came again with a later frame, or was never applied
        continue;
      }
      if (record.state == State::kAnswered && own) continue;
      says_something = true;
      if (record.state == State::kRefused) {
        in_prefix = false;
      } else {
        Acknowledged(record.reached);
        if (own) ++stats_.acked[IndexOf(record.reached)];
      }
      if (in_prefix) prefix_end = &record;
      if ((!in_prefix || record.named) && record.has_id) AddResult(op);
    }
  }
  ack_.last_id =
      prefix_end == nullptr ? std::string_view(last_acked_) : LastIdAfter(prefix_end, number, last);
  return says_something;
}

void AckComposer::Acknowledged(WriteConcern level) {
  ack_.achieved_level = std::min(ack_.achieved_level.value_or(level), level);
}

void AckComposer::BeginResults() {
  ack_.results.clear();
  ack_.achieved_level.reset();
}

void AckComposer::AddResult(uint64_t op) {
  const OpRecord& record = records_.At(op);
  wire::OpResult& result = ack_.results.emplace_back();
  result.op_id = record.id;
  result.success = record.met;
  result.achieved_level = record.reached;
  if (record.state == State::kRefused) {
    result.error = records_.ErrorOf(op);
  } else if (!record.met) {
    result.error = "timeout";
  }
}

const wire::OpAckFrame* AckComposer::Results() {
  if (ack_.results.empty()) return nullptr;
  for (const wire::OpResult& result : ack_.results) {
    Acknowledged(result.achieved_level);
    ++stats_.acked[IndexOf(result.achieved_level)];
  }
  ack_.last_id = last_acked_;
  return &ack_;
}

// "unknown" deletes everything the client has pending, so it is only for clients without ids in
// flight. `record` is null for a frame without ops.
std::string_view AckComposer::LastIdAfter(const OpRecord* record, uint64_t number, bool last) {
  if (record != nullptr && record->has_id) {
    last_acked_ = record->id;
    return last_acked_;
  }
  size_t waiting = records_.with_id();
  // The records of the frame itself are still there; those of later frames must not be deleted.
  for (uint64_t op = records_.first(); op < records_.end() && waiting > 0; ++op) {
    const OpRecord& other = records_.At(op);
    if (other.frame > number) break;
    if (other.has_id) --waiting;
  }
  const bool nothing_waits = waiting == 0 && holes_.empty() && (record != nullptr || last);
  return nothing_waits ? std::string_view("unknown") : std::string_view(last_acked_);
}

}  // namespace topgun::gateway
