#include "ws/tls_probe.h"

#include <string>
#include <string_view>

namespace topgun::gateway {
namespace {

prometheus::Counter& ResultCounter(metrics::Registry& registry, std::string_view result) {
  return registry.AddCounter("gateway_tls_handshakes_total",
                             "TLS handshakes with clients, by result.",
                             {{"result", std::string(result)}});
}

}  // namespace

TlsProbe::TlsProbe(metrics::Registry& registry)
    : running_(registry.AddGauge("gateway_tls_handshakes",
                                 "TLS handshakes with clients that are not finished.")),
      ok_(ResultCounter(registry, "ok")),
      timeouts_(ResultCounter(registry, "timeout")),
      refused_(ResultCounter(registry, "too_many")) {
  for (size_t i = 0; i < failures_.size(); ++i) {
    failures_[i] = &ResultCounter(registry, Name(static_cast<tls::HandshakeFailure>(i)));
  }
}

}  // namespace topgun::gateway
