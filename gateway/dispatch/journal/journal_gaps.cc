#include "dispatch/journal/journal_gaps.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace topgun::gateway {

void JournalGaps::Seen(const JournalEvent& event) {
  seen_[event.sequence.shard] = {event.position, event.sequence.commit_ms};
}

void JournalGaps::OnGap(uint32_t shard, int64_t since_ms) {
  const auto seen = seen_.find(shard);
  const Gap gap = seen != seen_.end()
                      ? seen->second
                      : Gap{{}, static_cast<uint64_t>(std::max<int64_t>(0, since_ms))};
  waiting_.try_emplace(shard, gap);
}

void JournalGaps::Tick(Time now) {
  if (!reading_.empty()) {
    if (now > deadline_) GiveUp();
    return;
  }
  if (waiting_.empty()) return;
  reading_ = std::exchange(waiting_, {});
  uint64_t since_ms = std::numeric_limits<uint64_t>::max();
  for (const auto& [shard, gap] : reading_) since_ms = std::min(since_ms, gap.since_ms);
  query_ = {.from = {.commit_ms = since_ms}, .limit = kEventsPerRead};
  events_ = 0;
  deadline_ = now + kPatience;
  Read();
}

void JournalGaps::Read() {
  reader_.ReadJournal(query_, [this, read = ++read_](const auto& answer) {
    if (read != read_) return;  // given up meanwhile
    if (!answer.ok()) return GiveUp();
    OnAnswer(**answer);
  });
}

void JournalGaps::OnAnswer(const JournalAnswer& answer) {
  for (const JournalRecord& record : answer.records) {
    const auto gap = reading_.find(record.sequence.shard);
    if (gap != reading_.end() && record.cell.version > gap->second.after) found_(record);
  }
  events_ += answer.records.size();
  if (!answer.next) {
    probe_.GapHealed();
    return reading_.clear();
  }
  if (events_ > kEventsMax) return GiveUp();
  query_.from = *answer.next;
  query_.upto = answer.positions;
  Read();
}

void JournalGaps::GiveUp() {
  probe_.GapLost();
  ++read_;
  reading_.clear();
  waiting_.clear();
}

void JournalGaps::Clear() {
  ++read_;
  seen_.clear();
  reading_.clear();
  waiting_.clear();
}

}  // namespace topgun::gateway
