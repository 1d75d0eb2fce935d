// What becomes of TLS handshakes with clients, as metrics. Any thread.
#pragma once

#include <array>

#include "metrics/registry.h"
#include "tls/session.h"

namespace topgun::gateway {

class TlsProbe {
 public:
  explicit TlsProbe(metrics::Registry& registry);

  void Started() { running_.Increment(); }
  void Ended() { running_.Decrement(); }
  void Succeeded() { ok_.Increment(); }
  void Failed(tls::HandshakeFailure failure) {
    failures_[static_cast<size_t>(failure)]->Increment();
  }
  void TimedOut() { timeouts_.Increment(); }
  void Refused() { refused_.Increment(); }  // too many at a time

 private:
  prometheus::Gauge& running_;
  prometheus::Counter& ok_;
  prometheus::Counter& timeouts_;
  prometheus::Counter& refused_;
  std::array<prometheus::Counter*, tls::kHandshakeFailureCount> failures_{};
};

}  // namespace topgun::gateway
