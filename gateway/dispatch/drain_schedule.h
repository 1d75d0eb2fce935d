// In which order and at which pace the connections of a loop are asked to go (docs/drain.md).
//
// What it costs the other gateways to take a client over is the handshake and every query whose
// snapshot it asks for again. The schedule spends that cost evenly over its window: connections
// without queries go first and close together, those with many come last and far apart. Within
// equal cost the order is random, and each time is random within the connection's own share, so
// that two gateways that drain together do not beat in step.
//
// Value; owner's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dispatch/io.h"

namespace topgun::gateway {

struct DrainOptions {
  // Time over which connections are asked to go, when there are many.
  std::chrono::milliseconds window{3'000};
  // For the acks of a connection that has been asked to go.
  std::chrono::milliseconds patience{3'000};
};

class DrainSchedule {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // Few connections need no window: so much cost a second is bearable anywhere.
  static constexpr uint64_t kCostPerSecond = 1'000;

  struct Item {
    ConnectionId id;
    uint64_t cost = 1;  // 1 and the number of live queries
  };

  DrainSchedule(std::vector<Item> items, std::chrono::milliseconds window_max, uint64_t seed);

  // The next connection whose time has come, each once; `elapsed` since the beginning.
  std::optional<ConnectionId> TakeDue(Duration elapsed);

  size_t waiting() const { return due_.size() - next_; }
  // The last connection is due by then.
  Duration window() const { return window_; }

 private:
  struct Due {
    Duration at;
    ConnectionId id;
  };

  Duration window_{};
  std::vector<Due> due_;  // ascending
  size_t next_ = 0;
};

}  // namespace topgun::gateway
