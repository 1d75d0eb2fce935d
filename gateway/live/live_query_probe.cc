#include "live/live_query_probe.h"

#include <string>
#include <string_view>
#include <utility>

namespace topgun::gateway {
namespace {

constexpr std::array<std::string_view, kReadAgainCount> kAgainNames = {"reserve", "groups",
                                                                       "expiry", "kept"};

constexpr std::array<std::string_view, kQueryRefusalCount> kRefusalNames = {"text", "rows"};

prometheus::Gauge& BytesGauge(metrics::Registry& registry, std::string of) {
  return registry.AddGauge("gateway_live_query_bytes",
                           "Memory of such queries: for their text, and for the rows that their "
                           "subscribers have on show.",
                           {{"of", std::move(of)}});
}

}  // namespace

LiveQueryProbe::LiveQueryProbe(metrics::Registry& registry)
    : queries_(registry.AddGauge("gateway_live_queries",
                                 "Different queries with a filter, order, limit, projection or "
                                 "groups that are followed, summed over the loops.")),
      text_bytes_(BytesGauge(registry, "text")),
      row_bytes_(BytesGauge(registry, "rows")),
      evaluations_(registry.AddCounter("gateway_live_query_evaluations_total",
                                       "Changes that such a query looked at.")),
      reads_waiting_(registry.AddGauge("gateway_live_query_reads_waiting",
                                       "Such queries that stand in line for a snapshot.")),
      blind_(registry.AddCounter(
          "gateway_live_queries_blind_total",
          "Times that such a query went on without knowing its rows, for lack of memory.")) {
  for (size_t i = 0; i < kReadAgainCount; ++i) {
    again_[i] = &registry.AddCounter(
        "gateway_live_query_rereads_total",
        "Snapshots read again: the reserve of a limited query was used up, groups had changed, a "
        "row beyond the limit of expiring rows expired, too many changes came during the read.",
        {{"reason", std::string(kAgainNames[i])}});
  }
  for (size_t i = 0; i < kQueryRefusalCount; ++i) {
    refused_[i] = &registry.AddCounter(
        "gateway_live_queries_refused_total",
        "Subscriptions of such queries refused for lack of memory for their text, or not kept "
        "current for lack of memory for their rows.",
        {{"for", std::string(kRefusalNames[i])}});
  }
}

}  // namespace topgun::gateway
