// What the clients of one process count together. Any thread.
#pragma once

#include <array>
#include <string>

#include "metrics/registry.h"
#include "redis/reply.h"

namespace topgun::redis {

class ClientMetrics {
 public:
  // `prefix`: of the service, e.g. "sync".
  ClientMetrics(metrics::Registry& registry, const std::string& prefix);

  void Connections(int delta) { connections_.Increment(delta); }
  void Reconnecting() { reconnects_.Increment(); }
  void Redirected(Redirect redirect) { redirects_[static_cast<size_t>(redirect)]->Increment(); }
  void Refreshed(bool ok) { (ok ? refreshes_ : refresh_failures_).Increment(); }

 private:
  prometheus::Gauge& connections_;
  prometheus::Counter& reconnects_;
  std::array<prometheus::Counter*, kRedirectCount> redirects_{};
  prometheus::Counter& refreshes_;
  prometheus::Counter& refresh_failures_;
};

}  // namespace topgun::redis
