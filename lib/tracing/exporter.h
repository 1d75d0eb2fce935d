// Takes spans to the collector: a bounded queue, a thread, batches, a few retries. Private to this
// library.
//
// A batch is given up when the collector refuses it, or after the last attempt; the spans that come
// meanwhile wait in the queue or find it full. Stop() may be called while a request is on its way.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http_post.h"
#include "logging/logging.h"
#include "metrics/registry.h"
#include "tracing/recorder.h"
#include "tracing/span.h"

namespace topgun::tracing {

// Resolved once; outlived by the registry.
struct ExportMetrics {
  explicit ExportMetrics(metrics::Registry& registry);

  prometheus::Counter& exported;
  prometheus::Counter& dropped_queue_full;
  prometheus::Counter& dropped_refused;
  prometheus::Counter& dropped_unreachable;
  prometheus::Counter& dropped_shutdown;
  prometheus::Counter& failed_refused;
  prometheus::Counter& failed_unreachable;
  prometheus::Gauge& queued;
};

class Exporter {
 public:
  // `options` have an endpoint and have passed their checks.
  Exporter(const Options& options, Resource resource, ExportLimits limits, ExportMetrics metrics);
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  void Start();
  void Stop(std::chrono::milliseconds patience);
  void Add(Span span);

 private:
  using Clock = std::chrono::steady_clock;
  enum class Sent : uint8_t { kDone, kRefused, kAgain };

  void Run();
  // Waits until there is a batch to send; empty: the end.
  std::vector<Span> NextBatch();
  void Deliver(const std::vector<Span>& batch);
  // One attempt. `wait`: how long the collector wants us to leave it alone.
  Sent Attempt(const std::string& body, size_t spans, std::chrono::milliseconds* wait);
  void Warn(std::string_view what, const std::string& why);
  // False: stopped meanwhile.
  bool Sleep(std::chrono::milliseconds time);
  bool PastEnd();
  void DropQueue();

  const Resource resource_;
  const ExportLimits limits_;
  const std::string url_;
  ExportMetrics metrics_;
  HttpPost post_;
  logging::RateLimit warn_limit_{std::chrono::seconds(30)};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Span> queue_;
  std::optional<Clock::time_point> stop_by_;  // set: stopping
  std::thread thread_;
};

}  // namespace topgun::tracing
