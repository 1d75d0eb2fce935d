#include "probe.h"

namespace topgun::discovery {
namespace {

prometheus::Counter& Resolutions(metrics::Registry& registry, const std::string& service,
                                 const std::string& outcome) {
  return registry.AddCounter("discovery_resolutions_total",
                             "Readings of the names and files that say where a service is; failed: "
                             "what was known stays.",
                             {{"service", service}, {"outcome", outcome}});
}

}  // namespace

ResolverProbe::ResolverProbe(metrics::Registry& registry, const std::string& service)
    : same_(Resolutions(registry, service, "same")),
      changed_(Resolutions(registry, service, "changed")),
      failed_(Resolutions(registry, service, "failed")),
      known_(registry.AddGauge("discovery_addresses", "Addresses known of a service.",
                               {{"service", service}})),
      ignored_(registry.AddGauge("discovery_addresses_ignored",
                                 "Addresses beyond the most that are used of a service.",
                                 {{"service", service}})) {}

}  // namespace topgun::discovery
