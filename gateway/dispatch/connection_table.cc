#include "dispatch/connection_table.h"

#include <algorithm>
#include <utility>

#include "dispatch/cluster_view.h"
#include "dispatch/fan_out.h"
#include "dispatch/search_requests.h"
#include "dispatch/stamp_echo.h"

namespace topgun::gateway {
namespace {

// A sweep over all connections takes this many ticks: deadlines are seconds, ticks are not.
constexpr size_t kSweepTicks = 5;
// How far the ages at which connections go are apart: those that came together leave one by one.
constexpr double kAgeJitter = 0.2;
// Partition maps sent per tick after a change: each is some 20 KB.
constexpr size_t kMapsPerTick = 500;

template <typename T>
void AppendRaw(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

SessionHandler& ConnectionTable::OnOpen(Session& session) {
  uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  const ConnectionId id{.slot = index, .generation = ++slot.generation};
  slot.owed_revival = false;
  slot.has_deadlines = false;
  slot.look_at = {};
  context_->now = std::chrono::steady_clock::now();
  slot.retire_at = RetireAt();
  slot.connection = std::make_unique<Connection>(id, OriginOf(id), session, *context_);
  ++count_;
  if (departures_.draining()) departures_.AddLate(id, context_->now);
  return *slot.connection;
}

// 16 bytes: the process, the loop with the slot, the generation.
std::string ConnectionTable::OriginOf(ConnectionId id) const {
  std::string origin(prefix_.data(), prefix_.size());
  AppendRaw(origin, (uint32_t{loop_} << 24U) | id.slot);
  AppendRaw(origin, id.generation);
  return origin;
}

Connection* ConnectionTable::Find(ConnectionId id) const {
  const Slot& slot = slots_[id.slot];
  return slot.generation == id.generation ? slot.connection.get() : nullptr;
}

void ConnectionTable::ForEach(const std::function<void(Connection&)>& visit) const {
  for (const Slot& slot : slots_) {
    if (slot.connection != nullptr) visit(*slot.connection);
  }
}

std::optional<uint32_t> ConnectionTable::Walk(uint32_t slot, size_t slots_max,
                                              const std::function<bool(Connection&)>& visit) const {
  for (size_t looked = 0; slot < slots_.size(); ++looked, ++slot) {
    if (looked == slots_max) return slot;
    Connection* const connection = slots_[slot].connection.get();
    if (connection != nullptr && !visit(*connection)) return slot + 1;
  }
  return std::nullopt;
}

bool ConnectionTable::Close(ConnectionId id, CloseCause cause) {
  Connection* const connection = id.slot < slots_.size() ? Find(id) : nullptr;
  if (connection != nullptr) connection->Leave(cause, true);
  return connection != nullptr;
}

void ConnectionTable::OnOpDone(const OpRef& ref, OpOutcome outcome) {
  const OpFate fate = outcome == OpOutcome::kApplied    ? OpFate::kApplied
                      : outcome == OpOutcome::kRejected ? OpFate::kRejected
                                                        : OpFate::kDropped;
  ++fates_[static_cast<size_t>(fate)];
  if (Connection* const connection = Find(ref.connection)) {
    connection->writes().OnOpDone(ref.op, outcome);
  }
}

void ConnectionTable::OnConcernMet(const OpRef& ref, wire::WriteConcern level) {
  if (Connection* const connection = Find(ref.connection)) {
    connection->writes().OnConcernMet(ref.op, level);
  }
}

void ConnectionTable::OnOpReopened(const OpRef& ref) {
  if (Connection* const connection = Find(ref.connection)) {
    connection->writes().OnOpReopened(ref.op);
  }
}

void ConnectionTable::OnRestamped(const OpRef& ref, const RestampedOp& op) {
  context_->stamp_echo.OnRestamped(ref.connection, op);
}

bool ConnectionTable::AwaitsAck(const OpRef& ref) const {
  Connection* const connection = Find(ref.connection);
  return connection != nullptr && connection->writes().AwaitsAck(ref.op);
}

void ConnectionTable::Remove(ConnectionId id) {
  slots_[id.slot].connection.reset();
  free_.push_back(id.slot);
  --count_;
}

void ConnectionTable::OweRevival(ConnectionId id, Time not_before) {
  Slot& slot = slots_[id.slot];
  if (slot.generation != id.generation || slot.owed_revival) return;
  slot.owed_revival = true;
  revivals_.push_back({.id = id, .not_before = not_before});
}

void ConnectionTable::WatchDeadlines(ConnectionId id) {
  Slot& slot = slots_[id.slot];
  if (slot.generation != id.generation || std::exchange(slot.has_deadlines, true)) return;
  with_deadlines_.push_back(id);
}

void ConnectionTable::Tick(Time now) {
  context_->now = now;
  Expire(now);
  Report();
  departures_.Tick(now);
  Sweep(now);
  Revive(now);
  SharePartitionMap();
}

void ConnectionTable::Sweep(Time now) {
  const size_t share = slots_.size() / kSweepTicks + 1;
  for (size_t i = 0; i < share && !slots_.empty(); ++i) {
    sweep_at_ = (sweep_at_ + 1) % slots_.size();
    // Idle connections are not touched: the slots alone are read.
    Slot& slot = slots_[sweep_at_];
    if (slot.connection == nullptr || now <= slot.look_at) continue;
    const Time next = slot.connection->Sweep(now);
    const ConnectionId id{.slot = static_cast<uint32_t>(sweep_at_), .generation = slot.generation};
    if (now >= slot.retire_at && departures_.Retire(id, context_->options.drain.patience, now)) {
      slot.retire_at = Time::max();
    }
    slot.look_at = std::min(next, slot.retire_at);
  }
}

ConnectionTable::Time ConnectionTable::RetireAt() {
  const std::chrono::milliseconds age = context_->options.connection_age_max;
  if (age.count() == 0) return Time::max();
  std::uniform_real_distribution<double> factor(1 - kAgeJitter, 1 + kAgeJitter);
  return context_->now + std::chrono::duration_cast<Time::duration>(age * factor(jitter_));
}

void ConnectionTable::Revive(Time now) {
  if (revivals_.empty()) return;
  size_t allowed = std::max<size_t>(
      1, context_->options.revivals_per_second * static_cast<size_t>(kTick.count()) / 1000);
  for (size_t waiting = revivals_.size(); waiting > 0 && allowed > 0; --waiting) {
    const SinkHealth health = context_->sink.Health();
    if (health == SinkHealth::kOverloaded) return;
    const Revival revival = revivals_.front();
    revivals_.pop_front();
    if (revival.not_before > now) {
      revivals_.push_back(revival);
      continue;
    }
    --allowed;
    Connection* const connection = Find(revival.id);
    if (connection == nullptr) continue;
    slots_[revival.id.slot].owed_revival = false;
    connection->Revive();
    if (health == SinkHealth::kSuspect) return;
  }
}

void ConnectionTable::Expire(Time now) {
  std::erase_if(with_deadlines_, [&](ConnectionId id) {
    Connection* const connection = Find(id);
    if (connection == nullptr) return true;
    const bool more = connection->writes().Expire(now);
    slots_[id.slot].has_deadlines = more;
    return !more;
  });
}

void ConnectionTable::SharePartitionMap() {
  const int64_t version = context_->cluster.map().version;
  if (std::exchange(map_version_, version) != version) map_at_ = 0;
  for (size_t told = 0; map_at_ < slots_.size() && told < kMapsPerTick; ++map_at_) {
    Connection* const connection = slots_[map_at_].connection.get();
    if (connection != nullptr && connection->OfferPartitionMap()) ++told;
  }
}

void ConnectionTable::OnOptionsChanged() {
  for (Slot& slot : slots_) {
    if (slot.connection == nullptr) continue;
    slot.look_at = {};            // its deadline may be sooner now
    slot.retire_at = RetireAt();  // counted from now
    slot.connection->OnOptionsChanged();
  }
}

void ConnectionTable::BeginDrain(const DrainOptions& options, Time now) {
  if (departures_.draining()) return;
  std::vector<DrainSchedule::Item> items;
  ForEach([&](Connection& connection) {
    items.push_back({.id = connection.id(),
                     .cost = 1 + context_->fan_out.CountOf(connection) +
                             context_->searches.CountOf(connection)});
  });
  departures_.BeginDrain(std::move(items), options, now);
}

void ConnectionTable::Report() {
  Probe& probe = context_->probe;
  const int64_t left = departures_.draining() ? static_cast<int64_t>(count_) : 0;
  probe.DrainLeft(left - std::exchange(drained_reported_, left));
  for (size_t i = 0; i < fates_.size(); ++i) {
    probe.Ops(static_cast<OpFate>(i), std::exchange(fates_[i], 0));
  }
  ConcernStats& stats = concern_stats_;
  for (size_t i = 0; i < kWriteConcernCount; ++i) {
    const auto level = static_cast<wire::WriteConcern>(i);
    probe.OpsAcked(level, std::exchange(stats.acked[i], 0));
    probe.OpsWaiting(level,
                     stats.waiting[i] - std::exchange(waiting_reported_[i], stats.waiting[i]));
  }
  probe.OpsTimedOut(std::exchange(stats.timeouts_applied, 0),
                    std::exchange(stats.timeouts_unapplied, 0));
}

}  // namespace topgun::gateway
