#include "dispatch/access_gate.h"

#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/counters.h"
#include "dispatch/error_codes.h"
#include "dispatch/fan_out.h"
#include "dispatch/journal/journal.h"
#include "dispatch/map_sync.h"
#include "dispatch/search_requests.h"
#include "dispatch/topics.h"

namespace topgun::gateway {
namespace {

using wire::FrameType;

// What answers nothing of maps. The answers to these overtake nothing that a held frame waits for.
bool NeedsNoDecision(FrameType type) {
  switch (type) {
    case FrameType::kAuth:
    case FrameType::kDeviceHello:
    case FrameType::kPing:
    case FrameType::kClientApplyAck:
    case FrameType::kPartitionMapRequest:
      return true;
    default:
      return wire::IsFeatureFrame(type);
  }
}

// Small ones cost more to keep than their bytes.
size_t CostOf(std::string_view message) { return message.size() + 128; }

}  // namespace

bool AccessGate::HoldIfNeeded(Connection& connection, FrameType type, std::string_view message) {
  if (NeedsNoDecision(type)) return false;
  const auto found = held_.find(connection.id());
  const bool follows = found != held_.end();
  // What it ends may be held, and so may be the writes that a lock was held for.
  const bool ends = type == FrameType::kQueryUnsub || type == FrameType::kJournalUnsubscribe ||
                    type == FrameType::kTopicUnsub || type == FrameType::kSearchUnsub ||
                    type == FrameType::kLockRelease;
  if (!follows && (!Unknown() || ends)) return false;
  if (held_bytes_ + CostOf(message) > options_.held_bytes_max) {
    HandleAllOf(connection);
    connection.HandleHeld(message);
    return true;
  }
  Frames& frames = follows ? found->second : held_[connection.id()];
  frames.push_back({.number = next_number_, .message = std::string(message)});
  order_.push_back(
      {.connection = connection.id(), .number = next_number_++, .since = context_->now});
  ++frames_;
  held_bytes_ += CostOf(message);
  probe_.FramesHeld(1);
  if (frames.size() >= options_.frames_per_connection_max) {
    connection.writes().PauseReading(WritePath::Pause::kPolicies, true);
  }
  return true;
}

void AccessGate::HandleAllOf(Connection& connection) {
  const auto found = held_.find(connection.id());
  if (found == held_.end()) return;
  Frames frames = std::move(found->second);
  held_.erase(found);
  while (!frames.empty()) connection.HandleHeld(TakeFirst(frames).message);
}

AccessGate::Held AccessGate::TakeFirst(Frames& frames) {
  Held held = std::move(frames.front());
  frames.pop_front();
  --frames_;
  held_bytes_ -= CostOf(held.message);
  probe_.FramesHeld(-1);
  return held;
}

Decision AccessGate::CheckRead(const Connection& connection, std::string_view map) const {
  if (access_.open()) return Decision::kAllow;
  return access_.Check(connection.principal(), Action::kRead, map, {});
}

void AccessGate::RefuseRead(Connection& connection, Decision decision, std::string_view map) {
  if (decision == Decision::kUnknown) {
    return connection.writes().SendError(
        kUnavailable, "access policies are not known yet, map cannot be read: " + std::string(map));
  }
  connection.writes().SendError(kForbidden, "read access denied for map: " + std::string(map));
}

void AccessGate::OnPoliciesChanged() {
  if (std::exchange(follow_wanted_, true)) return;
  defer_([this] {
    follow_wanted_ = false;
    Follow();
  });
}

void AccessGate::Follow() {
  context_->now = std::chrono::steady_clock::now();
  context_->fan_out.Recheck();
  context_->map_sync.Recheck();
  context_->counters.Recheck();
  context_->journal.Recheck();
  context_->topics.Recheck();
  context_->searches.Recheck();
  if (!Unknown()) Release();
}

void AccessGate::Release() {
  if (std::exchange(releasing_, true)) return;
  for (size_t i = 0; i < kReleasedPerTurn && !order_.empty() && !Unknown(); ++i) HandleOldest();
  releasing_ = !order_.empty() && !Unknown();
  if (!releasing_) return;
  defer_([this] {
    releasing_ = false;
    Release();
  });
}

void AccessGate::HandleOldest() {
  const Turn turn = order_.front();
  order_.pop_front();
  const auto found = held_.find(turn.connection);
  if (found == held_.end() || found->second.front().number != turn.number) return;
  const Held held = TakeFirst(found->second);
  if (found->second.empty()) held_.erase(found);
  Connection* const connection = context_->table.Find(turn.connection);
  if (connection != nullptr) connection->HandleHeld(held.message);
}

void AccessGate::Tick(Time now) {
  while (!order_.empty() && now - order_.front().since >= options_.wait) HandleOldest();
}

}  // namespace topgun::gateway
