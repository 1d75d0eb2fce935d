#include "report/live_metrics.h"

#include <algorithm>
#include <array>
#include <vector>

namespace topgun::loadgen {
namespace {

struct CounterName {
  const char* member;  // of RunStats
  const char* name;
  const char* help;
};

constexpr std::array kCounters = {
    CounterName{"ops_sent", "loadgen_sent_ops_total", "Operations sent for the first time."},
    CounterName{"ops_resent", "loadgen_resent_ops_total", "Operations sent once more."},
    CounterName{"ops_acked", "loadgen_acked_ops_total", "Operations acknowledged."},
    CounterName{"ops_refused", "loadgen_refused_ops_total", "Operations refused."},
    CounterName{"frames_sent", "loadgen_sent_frames_total", "Frames of writes sent."},
    CounterName{"frames_received", "loadgen_received_frames_total", "Frames received."},
    CounterName{"bytes_sent", "loadgen_sent_bytes_total", "Bytes sent."},
    CounterName{"bytes_received", "loadgen_received_bytes_total", "Bytes received."},
    CounterName{"events_received", "loadgen_events_total", "Events received by subscribers."},
    CounterName{"closes", "loadgen_closes_total", "Connections lost."},
    CounterName{"reconnects", "loadgen_reconnects_total", "Connections made again."},
    CounterName{"frames_late", "loadgen_late_frames_total", "Frames sent after their time."},
    CounterName{"frames_dropped", "loadgen_dropped_frames_total", "Frames never sent."},
};

constexpr const char* kErrors = "loadgen_errors_total";
constexpr const char* kErrorsHelp = "ERROR frames received, by code.";

// A server that makes up codes must not make us make up series.
constexpr size_t kErrorCodesMax = 32;
constexpr int64_t kOtherCode = -1;

std::string Everywhere(const std::string& listen) {
  return listen.starts_with(':') ? "0.0.0.0" + listen : listen;
}

void Observe(prometheus::Histogram& target, const Histogram& source) {
  if (source.count() == 0) return;
  const metrics::Buckets& bounds = metrics::kLatencySeconds;
  std::vector<double> increments(bounds.size() + 1);
  for (const Histogram::Bucket& bucket : source.Buckets()) {
    const double seconds = static_cast<double>(bucket.upper_edge) / 1e9;
    const auto bound = std::lower_bound(bounds.begin(), bounds.end(), seconds);
    increments[static_cast<size_t>(bound - bounds.begin())] += static_cast<double>(bucket.count);
  }
  target.ObserveMultiple(increments, source.Mean() / 1e9 * static_cast<double>(source.count()));
}

}  // namespace

LiveMetrics::LiveMetrics(const std::string& listen)
    : unacked_ops_(registry_.AddGauge("loadgen_unacked_ops", "Operations sent, not settled.")),
      ack_(registry_.AddHistogram("loadgen_ack_seconds",
                                  "From the planned send time of an operation to its ack.",
                                  metrics::kLatencySeconds)),
      propagation_(registry_.AddHistogram("loadgen_propagation_seconds",
                                          "From a writer's send to a subscriber's receive.",
                                          metrics::kLatencySeconds)),
      admin_(Everywhere(listen), registry_, [] { return admin::AdminServer::Readiness{true}; }) {
  for (const CounterName& counter : kCounters) {
    counters_[counter.member] = &registry_.AddCounter(counter.name, counter.help);
  }
  registry_.Declare({.name = kErrors,
                     .type = metrics::Type::kCounter,
                     .help = kErrorsHelp,
                     .labels = {{"code", {}}}});
}

void LiveMetrics::OnInterval(const Interval& interval) {
  RunStats::ForEachCounter(interval.stats, [&](const std::string& name, uint64_t value) {
    const auto counter = counters_.find(name);
    if (counter != counters_.end()) counter->second->Increment(static_cast<double>(value));
  });
  for (const auto& [code, frames] : interval.stats.errors) {
    ErrorCounter(code).Increment(static_cast<double>(frames));
  }
  unacked_ops_.Set(static_cast<double>(interval.unacked_ops));
  Observe(ack_, interval.stats.ack_latency);
  Observe(propagation_, interval.stats.propagation);
}

prometheus::Counter& LiveMetrics::ErrorCounter(int64_t code) {
  if (!errors_.contains(code) && errors_.size() >= kErrorCodesMax) code = kOtherCode;
  prometheus::Counter*& counter = errors_[code];
  if (counter == nullptr) {
    counter = &registry_.AddCounter(
        kErrors, kErrorsHelp, {{"code", code == kOtherCode ? "other" : std::to_string(code)}});
  }
  return *counter;
}

std::string LiveMetricsDoc() { return metrics::RenderDoc(LiveMetrics("127.0.0.1:0").registry()); }

}  // namespace topgun::loadgen
