#include "scrape/server_meter.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace topgun::loadgen {
namespace {

constexpr std::chrono::milliseconds kScrapeTimeout{2'000};

struct CountName {
  std::string_view name;
  std::string_view metric;
};

// Counters whose growth per acknowledged operation tells how well work is batched. The last two
// come from the common exporters, where someone runs them.
constexpr std::array kCounts = {
    CountName{"Redis commits", "sync_commits_total"},
    CountName{"cells written to Redis", "sync_commit_cells_sum"},
    CountName{"cells read from Redis", "sync_cache_misses_total"},
    CountName{"Postgres flush transactions", "storage_flush_seconds_count"},
    CountName{"rows written to Postgres", "storage_rows_written_total"},
    CountName{"pushes to clients", "gateway_pushes_total"},
    CountName{"Redis commands", "redis_commands_processed_total"},
    CountName{"Postgres transactions", "pg_stat_database_xact_commit"},
};

struct GaugeName {
  std::string_view name;
  std::string_view metric;
  std::string_view unit;
};

constexpr std::array kGauges = {
    GaugeName{"persistence lag", "storage_flush_lag_seconds", "s"},
    GaugeName{"not yet in Postgres", "storage_unflushed_bytes", "B"},
    GaugeName{"waiting to be merged", "sync_queue_bytes", "B"},
    GaugeName{"kept until acknowledged", "gateway_inflight_bytes", "B"},
    GaugeName{"queued for slow clients", "gateway_outbound_bytes", "B"},
};

std::optional<double> Growth(const metrics::Samples& start, const metrics::Samples& end,
                             std::string_view metric) {
  const auto before = start.Sum(metric);
  const auto after = end.Sum(metric);
  // A counter that fell belongs to a process that was started anew.
  if (!after || after < before.value_or(0)) return std::nullopt;
  return *after - before.value_or(0);
}

ServerReport::Service CompareService(const metrics::Samples& start, const metrics::Samples& end) {
  ServerReport::Service service;
  service.cpu_seconds = Growth(start, end, "process_cpu_seconds_total");
  service.resident_bytes = end.Sum("process_resident_memory_bytes");
  const auto before = start.Sum("process_resident_memory_bytes");
  if (before && service.resident_bytes) {
    service.resident_growth_bytes = *service.resident_bytes - *before;
  }
  const auto connections = end.Sum("gateway_connections");
  if (connections && *connections > 0 && service.resident_bytes) {
    service.bytes_per_connection = *service.resident_bytes / *connections;
  }
  service.version = end.Label("topgun_build_info", "version").value_or("");
  if (const auto revision = end.Label("topgun_build_info", "revision")) {
    service.version += " (" + *revision + ")";
  }
  return service;
}

}  // namespace

ServerReport CompareScrapes(const std::vector<std::string>& names,
                            const std::vector<StatusOr<metrics::Samples>>& start,
                            const std::vector<StatusOr<metrics::Samples>>& end) {
  ServerReport report;
  std::array<std::optional<double>, kCounts.size()> counts;
  std::array<std::optional<std::pair<double, double>>, kGauges.size()> levels;
  for (size_t i = 0; i < names.size(); ++i) {
    const Status status = !start[i].ok() ? start[i].status() : end[i].status();
    if (!status.ok()) {
      report.services.emplace_back().name = names[i];
      report.services.back().error = Message(status);
      continue;
    }
    report.services.push_back(CompareService(*start[i], *end[i]));
    report.services.back().name = names[i];
    for (size_t k = 0; k < kCounts.size(); ++k) {
      if (const auto growth = Growth(*start[i], *end[i], kCounts[k].metric)) {
        counts[k] = counts[k].value_or(0) + *growth;
      }
    }
    for (size_t k = 0; k < kGauges.size(); ++k) {
      const auto after = end[i]->Max(kGauges[k].metric);
      if (!after) continue;
      const double before = start[i]->Max(kGauges[k].metric).value_or(0);
      const auto so_far = levels[k].value_or(std::pair{before, *after});
      levels[k] = {std::max(before, so_far.first), std::max(*after, so_far.second)};
    }
  }
  for (size_t k = 0; k < kCounts.size(); ++k) {
    if (counts[k]) report.counts.push_back({std::string(kCounts[k].name), *counts[k]});
  }
  for (size_t k = 0; k < kGauges.size(); ++k) {
    if (!levels[k]) continue;
    report.levels.push_back({std::string(kGauges[k].name), std::string(kGauges[k].unit),
                             levels[k]->first, levels[k]->second});
  }
  return report;
}

ServerReport ServerMeter::Stop() {
  std::vector<std::string> names;
  for (const NamedUrl& target : targets_) names.push_back(target.name);
  return CompareScrapes(names, start_, Scrape());
}

std::vector<StatusOr<metrics::Samples>> ServerMeter::Scrape() const {
  std::vector<StatusOr<metrics::Samples>> scrapes;
  for (const NamedUrl& target : targets_) {
    auto body = HttpGet(target.url, kScrapeTimeout);
    if (!body.ok()) {
      scrapes.emplace_back(body.status());
      continue;
    }
    scrapes.emplace_back(metrics::ParsePrometheusText(*body));
  }
  return scrapes;
}

}  // namespace topgun::loadgen
