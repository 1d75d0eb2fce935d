// Journal: subscriptions that begin in the past.
#include <algorithm>
#include <memory>
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/error_codes.h"
#include "dispatch/journal/journal.h"

namespace topgun::gateway {
namespace {

constexpr size_t kEventsPerPage = 500;

// By how much the clocks of the cluster's machines may differ, and a commit may take.
constexpr int64_t kReplaySkewMs = 5'000;

state::JournalSequence SequenceAt(int64_t wall_ms) {
  return {.commit_ms = static_cast<uint64_t>(std::max<int64_t>(0, wall_ms))};
}

}  // namespace

void Journal::Ready(uint64_t serial) {
  const auto found = by_serial_.find(serial);
  if (found == by_serial_.end()) return;
  found->second->replay->ready = true;
  GoOnReplaying();
}

void Journal::GoOnReplaying() {
  if (replaying_.empty()) return;
  std::erase_if(replaying_, [this](uint64_t serial) {
    const auto found = by_serial_.find(serial);
    return found == by_serial_.end() || !found->second->replay;
  });
  // A read does not call back inside.
  for (const uint64_t serial : replaying_) ReadPage(*by_serial_.find(serial)->second);
}

void Journal::ReadPage(Subscription& subscription) {
  Replay& replay = *subscription.replay;
  if (!replay.ready || replay.reading) return;
  if (subscription.connection->session().queued_bytes() > options_.backlog_bytes_max) {
    replay.waiting_since = now_;  // it is the peer who lets us wait
    return;
  }
  if (now_ - replay.waiting_since > options_.replay_patience) {
    replay.waiting_since = now_;
    subscription.connection->writes().SendError(
        kUnavailable, "journal cannot be read at the moment, still trying");
  }
  if (now_ < replay.not_before || !source_.Confirmed(subscription.interest->id)) return;
  if (!replay.upto) replay.began_ms = clock_.NowMs();
  replay.reading = true;
  JournalQuery query{
      .from = replay.from, .map = subscription.interest->map, .limit = kEventsPerPage};
  if (replay.upto) query.upto = *replay.upto;
  reader_.ReadJournal(
      query, [this, serial = subscription.serial](const auto& answer) { OnPage(serial, answer); });
}

void Journal::OnPage(uint64_t serial,
                     const StatusOr<std::shared_ptr<const JournalAnswer>>& answer) {
  const auto found = by_serial_.find(serial);
  if (found == by_serial_.end()) return;
  Subscription& subscription = *found->second;
  Replay& replay = *subscription.replay;
  replay.reading = false;
  if (!answer.ok()) {
    replay.not_before = now_ + options_.replay_retry;
    return;
  }
  replay.waiting_since = now_;
  const JournalAnswer& page = **answer;
  if (!replay.upto) {
    replay.upto = std::make_shared<const std::vector<state::Position>>(page.positions);
  }
  SendPage(subscription, page);
  if (page.next) {
    replay.from = *page.next;
  } else {
    EndPass(subscription);
  }
  if (subscription.replay) ReadPage(subscription);
}

void Journal::SendPage(const Subscription& subscription, const JournalAnswer& answer) {
  size_t sent = 0;
  for (const JournalRecord& record : answer.records) {
    const auto type = static_cast<uint8_t>(JournalTypeOf(record.cell));
    if (subscription.types != 0 && (subscription.types & type) == 0) continue;
    if (Includes(subscription.replay->after, record.sequence.shard, record.cell.version)) continue;
    if (!MayTell(subscription, record.map)) continue;
    std::string frame;
    wire::EncodeJournalEvent(JournalFrameOf(record, state::SequenceText(record.sequence)), frame);
    subscription.connection->session().Reply(std::move(frame));
    ++sent;
  }
  probe_.Replayed(sent);
}

// Everything up to `upto` was told. What was kept follows, if it is all; or else it is read, too.
void Journal::EndPass(Subscription& subscription) {
  Replay& replay = *subscription.replay;
  if (replay.overfull) {
    probe_.ReplayRestarted();
    replay.overfull = false;
    replay.from = SequenceAt(replay.began_ms - kReplaySkewMs);
    replay.after = std::exchange(replay.upto, nullptr);
    return;
  }
  size_t sent = 0;
  for (const JournalEventPtr& event : replay.kept) {
    if (Includes(replay.upto, event->sequence.shard, event->position)) continue;
    if (!MayTell(subscription, event->map)) continue;
    subscription.connection->session().Reply(*event->frame);
    ++sent;
  }
  probe_.Replayed(sent);
  subscription.replayed = replay.upto;
  subscription.replay.reset();
}

void Journal::Keep(Replay& replay, const JournalEventPtr& event) const {
  if (replay.overfull) return;
  replay.kept_bytes += event->size();
  replay.kept.push_back(event);
  if (replay.kept_bytes <= options_.kept_bytes_max) return;
  replay.overfull = true;
  replay.kept.clear();
  replay.kept_bytes = 0;
}

}  // namespace topgun::gateway
