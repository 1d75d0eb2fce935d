// What a fleet of connections that do not write saw. Plain data; latencies are in RunStats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stats/process_memory.h"

namespace topgun::loadgen {

struct FleetReport {
  struct Memory {
    std::string name;
    std::optional<ProcessMemory> before;  // no connection is open
    std::optional<ProcessMemory> opened;  // all are ready
    std::optional<ProcessMemory> held;    // at the end of the holding time
  };

  // idle
  uint64_t connections = 0;
  double open_seconds = 0;     // from the first connect to the last AUTH_ACK
  uint64_t lost = 0;           // closed by the server or the network while being held
  uint64_t silent = 0;         // --half-open: sent nothing any more
  uint64_t silent_closed = 0;  // of these the server closed, as it should
  std::vector<Memory> memory;

  // connect-storm
  uint64_t cycles = 0;         // connect, authenticate, query, close
  uint64_t cycles_failed = 0;  // lost before the answer, or without one in time
  uint64_t cycles_late = 0;    // due, but --connections were open already

  // RSS that one connection costs, by the memory at the end.
  static std::optional<double> BytesPerConnection(const Memory& memory, uint64_t connections);
};

inline std::optional<double> FleetReport::BytesPerConnection(const Memory& memory,
                                                             uint64_t connections) {
  const auto& after = memory.held ? memory.held : memory.opened;
  if (!memory.before || !after || connections == 0) return std::nullopt;
  const auto delta =
      static_cast<double>(after->rss_bytes) - static_cast<double>(memory.before->rss_bytes);
  return delta / static_cast<double>(connections);
}

}  // namespace topgun::loadgen
