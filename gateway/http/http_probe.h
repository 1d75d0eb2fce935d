// Metrics of the HTTP endpoints of one loop. Counters and gauges are shared by the loops, the
// histogram is not (see probe.h). Owned by the router; its loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "metrics/registry.h"

namespace topgun::gateway {

class HttpProbe {
 public:
  HttpProbe(metrics::Registry& registry, size_t loop);
  // Reads of POST /sync that wait for others to end.
  static prometheus::Gauge& ReadsWaiting(metrics::Registry& registry);

  void InFlight(int delta) { in_flight_.Increment(delta); }
  uint64_t in_flight() const { return static_cast<uint64_t>(in_flight_.Value()); }
  // `route` is the pattern that matched, or one word for everything that matched none: a closed
  // set, like the codes.
  void Answered(const std::string& route, int code, double seconds);
  // Answered before it was read to its end.
  void Refused(int code);

 private:
  void Count(const std::string& route, int code);

  metrics::Registry& registry_;
  prometheus::Gauge& in_flight_;
  prometheus::Histogram& seconds_;
  std::map<std::pair<std::string, int>, prometheus::Counter*> requests_;
};

}  // namespace topgun::gateway
