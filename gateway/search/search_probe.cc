#include "search/search_probe.h"

#include <string>

namespace topgun::gateway {
namespace {

constexpr std::array<const char*, kSearchResultCount> kSearchResultNames = {"ok", "refused",
                                                                            "denied", "failed"};
constexpr std::array<const char*, kSearchResetCount> kSearchResetNames = {
    "gap", "failed", "too_many_keys", "expiry", "allowed"};

}  // namespace

SearchProbe::SearchProbe(metrics::Registry& registry, size_t loop)
    : seconds_(registry.AddHistogram("gateway_search_seconds",
                                     "From a SEARCH until its results are sent.",
                                     metrics::kLatencySeconds, {{"loop", std::to_string(loop)}})),
      waiting_(
          registry.AddGauge("gateway_searches_waiting", "SEARCHes that are not answered yet.")),
      calls_(registry.AddCounter("gateway_search_calls_total",
                                 "Searches asked of the sync services: equal ones that wait "
                                 "together are one, those of single records are not counted.")),
      live_(registry.AddGauge("gateway_live_searches",
                              "Searches that clients are kept informed of.")),
      live_refused_(registry.AddCounter(
          "gateway_live_searches_refused_total",
          "SEARCH_SUBs refused because their connection or loop has too many.")),
      known_keys_(registry.AddGauge("gateway_live_search_keys",
                                    "Hits that live searches remember, over all of them.")),
      scored_(registry.AddCounter("gateway_live_search_scored_total",
                                  "Changed records that were scored for live searches.")),
      updates_(
          registry.AddCounter("gateway_live_search_updates_total", "SEARCH_UPDATE frames sent.")) {
  for (size_t i = 0; i < answers_.size(); ++i) {
    answers_[i] = &registry.AddCounter("gateway_searches_total", "SEARCHes answered, by result.",
                                       {{"result", kSearchResultNames[i]}});
  }
  for (size_t i = 0; i < resets_.size(); ++i) {
    resets_[i] = &registry.AddCounter("gateway_live_search_resets_total",
                                      "Times a live search was run again, by reason.",
                                      {{"reason", kSearchResetNames[i]}});
  }
}

}  // namespace topgun::gateway
