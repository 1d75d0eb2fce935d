#include "redis/client_metrics.h"

namespace topgun::redis {
namespace {

constexpr std::array<const char*, kRedirectCount> kRedirectNames = {"moved", "ask", "try_again",
                                                                    "cluster_down"};
constexpr const char* kRefreshHelp =
    "Questions to a Redis Cluster or Sentinels where the primaries are, by result.";

}  // namespace

ClientMetrics::ClientMetrics(metrics::Registry& registry, const std::string& prefix)
    : connections_(registry.AddGauge(prefix + "_redis_connections",
                                     "Connections to Redis primaries that are kept, up or not.")),
      reconnects_(registry.AddCounter(prefix + "_redis_reconnects_total",
                                      "Lost connections and failed attempts to connect.")),
      refreshes_(registry.AddCounter(prefix + "_redis_topology_refreshes_total", kRefreshHelp,
                                     {{"result", "ok"}})),
      refresh_failures_(registry.AddCounter(prefix + "_redis_topology_refreshes_total",
                                            kRefreshHelp, {{"result", "failed"}})) {
  for (size_t i = 0; i < redirects_.size(); ++i) {
    redirects_[i] = &registry.AddCounter(
        prefix + "_redis_redirects_total",
        "Commands a node of a Redis Cluster did not run because their slot is elsewhere, is being "
        "moved, or is nobody's.",
        {{"reason", kRedirectNames[i]}});
  }
}

}  // namespace topgun::redis
