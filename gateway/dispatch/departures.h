// Connections of a loop that have to go: all of them when the gateway drains (docs/drain.md), and
// each one that has reached its age.
//
// Until its turn comes a connection works as ever. Then its socket is not read any more, and it is
// closed once every ack it waits for has left, at the latest after the patience. Its client sends
// again elsewhere what was not read.
//
// Owned by the connection table; the loop's thread. Limits: the schedule's pace, kAgedPerTick.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "dispatch/drain_schedule.h"
#include "dispatch/io.h"
#include "ws/session.h"

namespace topgun::gateway {

class ConnectionTable;

class Departures {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Connections that go because of their age, per tick of 100 ms; the others go a little later.
  static constexpr size_t kAgedPerTick = 50;

  explicit Departures(ConnectionTable& table) : table_(table) {}

  // `items` are all connections there are.
  void BeginDrain(std::vector<DrainSchedule::Item> items, const DrainOptions& options, Time now);
  // Connections that were not closed yet stay.
  void CancelDrain();
  bool draining() const { return schedule_.has_value(); }
  // By then all connections are told to close. While draining.
  Time deadline() const;

  // A connection that came in spite of the drain.
  void AddLate(ConnectionId id, Time now) {
    Ask(id, CloseCause::kShutdown, options_.patience, now);
  }
  // A connection that has reached its age. False: enough for this tick, ask again.
  bool Retire(ConnectionId id, std::chrono::milliseconds patience, Time now);

  void Tick(Time now);

 private:
  struct Leaving {
    ConnectionId id;
    CloseCause cause = CloseCause::kShutdown;
    Time close_at;  // with or without its acks
  };

  void Ask(ConnectionId id, CloseCause cause, std::chrono::milliseconds patience, Time now);

  ConnectionTable& table_;
  DrainOptions options_;
  std::optional<DrainSchedule> schedule_;  // while draining
  Time begun_;
  std::vector<Leaving> leaving_;
  size_t aged_ = 0;  // since the last tick
};

}  // namespace topgun::gateway
