// Metrics of full-text search, shared by the loops (see probe.h). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "metrics/registry.h"

namespace topgun::sync {

class SearchProbe {
 public:
  explicit SearchProbe(metrics::Registry& registry);

  void Searched(double seconds) { seconds_.Observe(seconds); }
  void Waiting(int64_t delta) { waiting_.Increment(static_cast<double>(delta)); }
  void Running(int64_t delta) { running_.Increment(static_cast<double>(delta)); }
  void Refused() { refused_.Increment(); }
  void StartedOver() { started_over_.Increment(); }
  void Indexed(size_t records) { indexed_.Increment(static_cast<double>(records)); }
  void Indexes(int64_t delta) { indexes_.Increment(static_cast<double>(delta)); }
  void IndexBytes(int64_t delta) { index_bytes_.Increment(static_cast<double>(delta)); }

 private:
  prometheus::Histogram& seconds_;
  prometheus::Gauge& waiting_;
  prometheus::Gauge& running_;
  prometheus::Counter& refused_;
  prometheus::Counter& started_over_;
  prometheus::Counter& indexed_;
  prometheus::Gauge& indexes_;
  prometheus::Gauge& index_bytes_;
};

}  // namespace topgun::sync
