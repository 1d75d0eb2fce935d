#include "dispatch/access_gate.h"

#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/error_codes.h"
#include "dispatch/fan_out.h"
#include "dispatch/map_sync.h"

namespace topgun::gateway {

bool AccessGate::Hold(Connection& connection, std::string_view message) {
  if (!Unknown() || held_bytes_ + message.size() > options_.held_bytes_max) return false;
  held_bytes_ += message.size();
  held_.push_back(
      {.connection = connection.id(), .message = std::string(message), .since = context_->now});
  probe_.FramesHeld(1);
  connection.writes().PauseReading(WritePath::Pause::kPolicies, true);
  return true;
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
  if (!Unknown()) Release();
}

void AccessGate::Release() {
  if (std::exchange(releasing_, true)) return;
  for (size_t i = 0; i < kReleasedPerTurn && !held_.empty() && !Unknown(); ++i) HandleOldest();
  releasing_ = !held_.empty() && !Unknown();
  if (!releasing_) return;
  defer_([this] {
    releasing_ = false;
    Release();
  });
}

void AccessGate::HandleOldest() {
  const Held held = std::move(held_.front());
  held_.pop_front();
  held_bytes_ -= held.message.size();
  probe_.FramesHeld(-1);
  Connection* const connection = context_->table.Find(held.connection);
  if (connection == nullptr) return;
  connection->HandleHeld(held.message);
}

void AccessGate::Tick(Time now) {
  while (!held_.empty() && now - held_.front().since >= options_.wait) HandleOldest();
}

}  // namespace topgun::gateway
