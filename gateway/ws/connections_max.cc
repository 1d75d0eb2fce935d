#include "ws/connections_max.h"

namespace topgun::gateway {

void ShowConnectionsMax(metrics::Registry& registry, uint64_t connections_max) {
  registry
      .AddGauge("gateway_connections_max",
                "Connections that may be open at a time; further ones get HTTP 503.")
      .Set(static_cast<double>(connections_max));
}

}  // namespace topgun::gateway
