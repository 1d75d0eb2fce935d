// --prometheus: the counters of the run that goes on, on an admin port of its own, so that the
// dashboards of the cluster can show the load beside it. Scraped on the admin server's thread,
// updated on the run's.
#pragma once

#include <map>
#include <string>

#include "admin/admin_server.h"
#include "metrics/registry.h"
#include "stats/interval.h"

namespace topgun::loadgen {

class LiveMetrics final : public RunObserver {
 public:
  // `listen` is HOST:PORT or :PORT, which means every interface.
  explicit LiveMetrics(const std::string& listen);

  Status Start() { return admin_.Start(); }
  uint16_t port() const { return admin_.port(); }

  void OnInterval(const Interval& interval) override;

  const metrics::Registry& registry() const { return registry_; }

 private:
  prometheus::Counter& ErrorCounter(int64_t code);

  metrics::Registry registry_{"topgun-loadgen"};
  std::map<std::string, prometheus::Counter*> counters_;  // by name in RunStats
  std::map<int64_t, prometheus::Counter*> errors_;
  prometheus::Gauge& unacked_ops_;
  prometheus::Histogram& ack_;
  prometheus::Histogram& propagation_;
  admin::AdminServer admin_;
};

// The answer to --print-metrics-doc.
std::string LiveMetricsDoc();

}  // namespace topgun::loadgen
