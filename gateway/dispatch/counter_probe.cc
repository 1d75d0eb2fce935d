#include "dispatch/counter_probe.h"

#include <string>

namespace topgun::gateway {
namespace {

constexpr std::array<const char*, kCounterLimitCount> kCounterLimitNames = {
    "per_connection", "size", "memory", "overload"};

prometheus::Counter& ReadsCounter(metrics::Registry& registry, const char* result) {
  return registry.AddCounter("gateway_counter_reads_total",
                             "Reads of PN counters from the sync services, by result.",
                             {{"result", result}});
}

}  // namespace

CounterProbe::CounterProbe(metrics::Registry& registry)
    : counters_(registry.AddGauge("gateway_counters", "PN counters that loops follow.")),
      subscriptions_(registry.AddGauge("gateway_counter_subscriptions",
                                       "PN counters that connections follow, over all of them.")),
      bytes_(registry.AddGauge("gateway_counter_bytes",
                               "Bytes that the PN counters of all loops take up, about.")),
      reads_ok_(ReadsCounter(registry, "ok")),
      reads_failed_(ReadsCounter(registry, "failed")),
      updates_(registry.AddCounter("gateway_counter_updates_total",
                                   "COUNTER_RESPONSE and COUNTER_UPDATE frames sent.")),
      too_large_(registry.AddCounter(
          "gateway_counter_too_large_total",
          "States of PN counters that were not sent, because no connection could take them.")),
      retries_(registry.AddCounter("gateway_counter_write_retries_total",
                                   "Writes to PN counters that were refused for now.")),
      given_up_(registry.AddCounter(
          "gateway_counter_writes_given_up_total",
          "Writes to PN counters that were given up: their clients have to send them again.")),
      healed_(registry.AddCounter("gateway_counter_healed_total",
                                  "Amounts of PN counters that the cluster had lost and that were "
                                  "written again.")) {
  for (size_t i = 0; i < refused_.size(); ++i) {
    refused_[i] = &registry.AddCounter("gateway_counter_refused_total",
                                       "Frames about PN counters that were refused, by limit.",
                                       {{"limit", kCounterLimitNames[i]}});
  }
}

}  // namespace topgun::gateway
