// The connections of one loop: makes them, finds them by id, passes outcomes of ops on, watches
// their deadlines, revives clients whose writes were refused, and lets connections go.
//
// A slot is used again with a new generation, so an id never names a later connection. Owned by the
// loop; one thread. Tick() is called every kTick.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "dispatch/concern_stats.h"
#include "dispatch/connection.h"
#include "dispatch/departures.h"
#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "ws/session.h"

namespace topgun::gateway {

// Process-wide random bytes: origins of different gateways never meet.
using OriginPrefix = std::array<char, 8>;

class ConnectionTable final : public SessionAcceptor, public WriteObserver {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds kTick{100};

  // The context is filled in by the loop after construction of both.
  ConnectionTable(const OriginPrefix& prefix, uint8_t loop)
      : prefix_(prefix), loop_(loop), jitter_(std::random_device{}()) {}
  void Bind(LoopContext& context) { context_ = &context; }

  SessionHandler& OnOpen(Session& session) override;
  void OnOpDone(const OpRef& ref, OpOutcome outcome) override;
  void OnConcernMet(const OpRef& ref, wire::WriteConcern level) override;
  void OnOpReopened(const OpRef& ref) override;
  void OnRestamped(const OpRef& ref, const RestampedOp& op) override;
  bool AwaitsAck(const OpRef& ref) const override;

  // False when there is none of this id, which may be anything.
  bool Close(ConnectionId id, CloseCause cause);
  void Remove(ConnectionId id);  // destroys the connection
  Connection* Find(ConnectionId id) const;
  size_t size() const { return count_; }
  void ForEach(const std::function<void(Connection&)>& visit) const;
  // Looks at the slots from `slot` on, at most `slots_max` of them, until `visit` returns false.
  // Where to go on; nothing when the last slot has been looked at.
  std::optional<uint32_t> Walk(uint32_t slot, size_t slots_max,
                               const std::function<bool(Connection&)>& visit) const;

  // The client lost writes to a 429; it is told to send again, not before `not_before`.
  void OweRevival(ConnectionId id, Time not_before);
  // Ops of the connection have deadlines; they are looked at every tick.
  void WatchDeadlines(ConnectionId id);
  ConcernStats& concern_stats() { return concern_stats_; }

  void Tick(Time now);

  // The options of the context have changed: they hold for the connections that are here, too.
  void OnOptionsChanged();

  // From now on connections are closed at the pace of the options, as their acks leave. Does
  // nothing while draining already.
  void BeginDrain(const DrainOptions& options, Time now);
  void CancelDrain() { departures_.CancelDrain(); }
  bool draining() const { return departures_.draining(); }
  // While draining: all connections are told to close by then.
  Time drain_deadline() const { return departures_.deadline(); }

 private:
  struct Slot {
    uint32_t generation = 0;
    bool owed_revival = false;
    bool has_deadlines = false;
    Time look_at;    // no deadline of the connection itself passes before
    Time retire_at;  // it has reached its age
    std::unique_ptr<Connection> connection;
  };
  struct Revival {
    ConnectionId id;
    Time not_before;
  };

  std::string OriginOf(ConnectionId id) const;
  void Sweep(Time now);
  void Revive(Time now);
  void Expire(Time now);
  void SharePartitionMap();
  Time RetireAt();
  void Report();

  const OriginPrefix prefix_;
  const uint8_t loop_;
  LoopContext* context_ = nullptr;
  std::vector<uint32_t> free_;
  size_t count_ = 0;
  size_t sweep_at_ = 0;
  int64_t map_version_ = 0;  // of the partition map that connections are being told
  size_t map_at_ = 0;        // the slot that is told next
  std::deque<Revival> revivals_;
  std::vector<ConnectionId> with_deadlines_;
  ConcernStats concern_stats_;
  std::array<size_t, kOpFateCount> fates_{};  // counted here, reported once per tick
  std::array<int64_t, kWriteConcernCount> waiting_reported_{};
  Departures departures_{*this};
  int64_t drained_reported_ = 0;
  std::minstd_rand jitter_;
  std::vector<Slot> slots_;  // last: connections use the rest until they end
};

}  // namespace topgun::gateway
