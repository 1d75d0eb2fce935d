// What the fault proxy between generator and gateways does (--proxy-fault). Values.
//
//   latency:50ms      every byte arrives so much later, each way
//   jitter:20ms       and up to so much later still, in the order in which it was sent
//   bandwidth:1MB/s   so many bytes per second at most, per connection and each way
//   cut:0.5/s         so many connections per second are reset, at random
//   stall:2s/30s      nothing passes for the last 2 s of every 30 s
//   refuse:5%         this share of the new connections is reset at once
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/status.h"
#include "options/offline_plan.h"

namespace topgun::loadgen {

struct ProxyFaults {
  std::chrono::milliseconds latency{0};
  std::chrono::milliseconds jitter{0};
  double bandwidth = 0;  // bytes per second; 0: no limit
  double cut_rate = 0;   // connections per second
  OfflinePlan stall;     // `away` is its length
  double refuse = 0;     // share of the new connections

  bool any() const {
    return latency.count() > 0 || jitter.count() > 0 || bandwidth > 0 || cut_rate > 0 ||
           stall.away.count() > 0 || refuse > 0;
  }
  // As ParseProxyFaults() reads it; empty without any.
  std::string Text() const;
};

// One fault in each text.
StatusOr<ProxyFaults> ParseProxyFaults(const std::vector<std::string>& specs);

}  // namespace topgun::loadgen
