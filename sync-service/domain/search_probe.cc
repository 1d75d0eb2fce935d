#include "domain/search_probe.h"

namespace topgun::sync {

SearchProbe::SearchProbe(metrics::Registry& registry)
    : seconds_(registry.AddHistogram("sync_search_seconds",
                                     "From receiving a search of a map until its answer.",
                                     metrics::kLatencySeconds)),
      waiting_(registry.AddGauge(
          "sync_searches_waiting",
          "Steps of searches in one loop's part of a map that wait for the view or their turn.")),
      running_(registry.AddGauge("sync_searches_running",
                                 "Steps of searches in parts of maps that are under way.")),
      refused_(registry.AddCounter("sync_searches_refused_total",
                                   "Steps of searches refused because too many were waiting.")),
      started_over_(
          registry.AddCounter("sync_searches_started_over_total",
                              "Steps of searches given up because cells of the view were dropped "
                              "meanwhile.")),
      indexed_(registry.AddCounter("sync_search_indexed_records_total",
                                   "Records looked at to bring search indexes up to date.")),
      indexes_(registry.AddGauge("sync_search_indexes", "Search indexes held in memory.")),
      index_bytes_(registry.AddGauge("sync_search_index_bytes",
                                     "Bytes held by search indexes, which those of the map views "
                                     "include.")) {}

}  // namespace topgun::sync
