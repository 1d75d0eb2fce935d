// What the processes of the cluster say about themselves on their admin ports: differences of
// their /metrics between the start and the end of the measurement.
//
//   ServerMeter meter(config.output.metrics);
//   meter.Start();  ...  report.server = meter.Stop();
//
// Blocking, at most two seconds per process that does not answer. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics/exposition.h"
#include "scrape/http_get.h"

namespace topgun::loadgen {

struct NamedUrl {
  std::string name;
  HttpUrl url;
};

struct ServerReport {
  struct Service {
    std::string name;
    std::string version;  // of topgun_build_info, with its revision
    std::string error;    // why there are no figures; empty when there are
    std::optional<double> cpu_seconds;
    std::optional<double> resident_bytes;  // at the end
    std::optional<double> resident_growth_bytes;
    std::optional<double> bytes_per_connection;  // resident, gateways only, at the end
  };
  struct Count {  // over all services
    std::string name;
    double count = 0;
  };
  struct Level {  // a gauge: the largest of all services
    std::string name;
    std::string unit;
    double start = 0;
    double end = 0;
  };

  std::vector<Service> services;
  std::vector<Count> counts;
  std::vector<Level> levels;
};

// One process before and after. Pure.
ServerReport CompareScrapes(const std::vector<std::string>& names,
                            const std::vector<StatusOr<metrics::Samples>>& start,
                            const std::vector<StatusOr<metrics::Samples>>& end);

class ServerMeter {
 public:
  explicit ServerMeter(std::vector<NamedUrl> targets) : targets_(std::move(targets)) {}

  void Start() { start_ = Scrape(); }
  ServerReport Stop();

 private:
  std::vector<StatusOr<metrics::Samples>> Scrape() const;

  const std::vector<NamedUrl> targets_;
  std::vector<StatusOr<metrics::Samples>> start_;
};

}  // namespace topgun::loadgen
