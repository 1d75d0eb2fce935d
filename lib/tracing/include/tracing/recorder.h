// The tracing of one process: who is traced, ids, and the spans on their way to the collector.
//
// Without an endpoint nothing is sampled and spans are thrown away; contexts that come from outside
// are handed on as they are. With one, spans wait in a bounded queue for a thread that sends them
// in batches (OTLP over HTTP, JSON); what finds the queue full, or cannot be delivered, is dropped
// and counted. Add() never waits for the collector.
//
// Owned by the app and outlives everything that traces. Any thread, except Start() and Stop(): the
// app's, Start() after the signals of the process are blocked (rpc::SignalWaiter).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "metrics/registry.h"
#include "tracing/sampler.h"
#include "tracing/settings.h"
#include "tracing/span.h"

namespace topgun::tracing {

// Who we are.
struct Resource {
  std::string service;   // "topgun-gateway"
  std::string instance;  // the configured name
};

struct ExportLimits {
  size_t queue_max = 4'096;                   // spans that wait
  size_t batch_max = 512;                     // spans per request
  std::chrono::milliseconds delay{1'000};     // until a batch that is not full is sent
  std::chrono::milliseconds timeout{10'000};  // of a request
  int attempts_max = 4;                       // per batch
  std::chrono::milliseconds backoff{1'000};   // before the second one; doubles
  std::chrono::milliseconds backoff_max{10'000};
  std::chrono::milliseconds flush{1'000};  // that Stop() may take
};

class Exporter;

class Recorder {
 public:
  // `options` have passed their checks.
  Recorder(const Options& options, Resource resource, metrics::Registry& registry,
           ExportLimits limits = {});
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void Start();
  // Sends what waits, within `patience` and ExportLimits::flush; the rest is dropped.
  void Stop(std::chrono::milliseconds patience = std::chrono::milliseconds::max());

  bool enabled() const { return exporter_ != nullptr; }
  double sample_ratio() const { return enabled() ? options_.sample_ratio : 0; }
  // Frames that took so long get a span. Infinite when they are not to.
  double slow_seconds() const { return slow_seconds_; }

  // One more piece of work is to be traced. False, and counted: too many in this second.
  bool Admit(Time now);
  // The same for what was not traced and turned out to be slow or to fail, so that neither kind
  // takes the other's place.
  bool AdmitNotable(Time now);

  Context NewTrace();
  // A new span in the trace of `parent`. Disabled: `parent` itself, so that whoever comes next is
  // its child.
  Context Child(const Context& parent);

  // The span has ended.
  void Add(Span span);

 private:
  bool Admit(RateLimit& rate, Time now);
  uint64_t NewId();

  const Options options_;
  const double slow_seconds_;
  std::atomic<uint64_t> next_id_;
  RateLimit rate_;
  RateLimit notable_rate_;
  prometheus::Counter& limited_;
  std::unique_ptr<Exporter> exporter_;  // null: disabled
};

}  // namespace topgun::tracing
