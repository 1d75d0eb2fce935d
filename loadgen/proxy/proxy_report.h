// What the fault proxy did. Plain data.
#pragma once

#include <cstdint>

namespace topgun::loadgen {

struct ProxyReport {
  uint64_t connections = 0;   // that came, refused ones included
  uint64_t refused = 0;       // reset at once, on purpose
  uint64_t cut = 0;           // reset later, on purpose
  uint64_t unreachable = 0;   // ended because the gateway could not be connected to
  uint64_t stalls = 0;        // that began
  uint64_t bytes_up = 0;      // passed on to gateways
  uint64_t bytes_down = 0;    // passed on to clients
  uint64_t full = 0;          // times that a buffer was full and nothing was read any more
  uint64_t buffered_max = 0;  // bytes in the fullest buffer ever
  double thread_share = 0;    // of a core, used by the proxy's thread

  // Adds another proxy that ran at the same time.
  void Merge(const ProxyReport& other) {
    connections += other.connections;
    refused += other.refused;
    cut += other.cut;
    unreachable += other.unreachable;
    stalls += other.stalls;
    bytes_up += other.bytes_up;
    bytes_down += other.bytes_down;
    full += other.full;
    buffered_max = buffered_max > other.buffered_max ? buffered_max : other.buffered_max;
    thread_share = thread_share > other.thread_share ? thread_share : other.thread_share;
  }
};

}  // namespace topgun::loadgen
