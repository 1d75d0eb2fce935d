// Metrics of topics. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dispatch/io.h"
#include "metrics/registry.h"

namespace topgun::gateway {

class TopicProbe {
 public:
  explicit TopicProbe(metrics::Registry& registry);

  void Topics(int delta) { topics_.Increment(delta); }
  void Subscriptions(int delta) { subscriptions_.Increment(delta); }
  void PublishedAs(Published result);
  void StreamLost(size_t count) { lost_with_stream_.Increment(static_cast<double>(count)); }
  void Delivered(size_t count) { delivered_.Increment(static_cast<double>(count)); }
  void LostBySlowReaders(size_t count) { slow_readers_.Increment(static_cast<double>(count)); }

 private:
  prometheus::Gauge& topics_;
  prometheus::Gauge& subscriptions_;
  prometheus::Counter& published_;
  prometheus::Counter& lost_without_replica_;
  prometheus::Counter& lost_backed_up_;
  prometheus::Counter& lost_with_stream_;
  prometheus::Counter& delivered_;
  prometheus::Counter& slow_readers_;
};

}  // namespace topgun::gateway
