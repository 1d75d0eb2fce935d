#include "exporter.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/thread_name.h"
#include "otlp_json.h"

namespace topgun::tracing {
namespace {

constexpr int kTooManyRequests = 429;

// As the protocol says; everything else is final.
bool IsRetryable(int status) {
  return status == 0 || status == kTooManyRequests || status == 502 || status == 503 ||
         status == 504;
}

prometheus::Counter& Dropped(metrics::Registry& registry, std::string reason) {
  return registry.AddCounter("tracing_spans_dropped_total",
                             "Spans that have not reached the collector, by reason.",
                             {{"reason", std::move(reason)}});
}

prometheus::Counter& Failed(metrics::Registry& registry, std::string reason) {
  return registry.AddCounter("tracing_export_failures_total",
                             "Requests to the collector that failed, retries included, by reason.",
                             {{"reason", std::move(reason)}});
}

PostOptions PostOptionsOf(const Options& options, const ExportLimits& limits) {
  return {.url = TracesUrl(options).value_or(std::string()),
          .content_type = "application/json",
          .headers = HeaderLines(options).value_or(std::vector<std::string>()),
          .ca_file = options.ca_file,
          .timeout = limits.timeout};
}

}  // namespace

ExportMetrics::ExportMetrics(metrics::Registry& registry)
    : exported(registry.AddCounter("tracing_spans_exported_total",
                                   "Spans that the collector has taken.")),
      dropped_queue_full(Dropped(registry, "queue_full")),
      dropped_refused(Dropped(registry, "refused")),
      dropped_unreachable(Dropped(registry, "unreachable")),
      dropped_shutdown(Dropped(registry, "shutdown")),
      failed_refused(Failed(registry, "refused")),
      failed_unreachable(Failed(registry, "unreachable")),
      queued(registry.AddGauge("tracing_spans_queued", "Spans that wait for the collector.")) {}

Exporter::Exporter(const Options& options, Resource resource, ExportLimits limits,
                   ExportMetrics metrics)
    : resource_(std::move(resource)),
      limits_(limits),
      url_(TracesUrl(options).value_or(std::string())),
      metrics_(metrics),
      post_(PostOptionsOf(options, limits), [this] { return PastEnd(); }) {}

Exporter::~Exporter() { Stop({}); }

void Exporter::Start() {
  logging::Info("tracing", "exporting spans", {{"url", url_}});
  thread_ = std::thread([this] {
    NameThread("tracing");
    Run();
  });
}

void Exporter::Stop(std::chrono::milliseconds patience) {
  {
    const std::lock_guard lock(mutex_);
    if (!stop_by_) stop_by_ = Clock::now() + std::min(patience, limits_.flush);
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  DropQueue();  // what came later, or before there was a thread
}

void Exporter::Add(Span span) {
  bool full_batch = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= limits_.queue_max) return metrics_.dropped_queue_full.Increment();
    queue_.push_back(std::move(span));
    metrics_.queued.Set(static_cast<double>(queue_.size()));
    full_batch = queue_.size() == limits_.batch_max;
  }
  if (full_batch) wake_.notify_one();
}

void Exporter::Run() {
  for (;;) {
    const std::vector<Span> batch = NextBatch();
    if (batch.empty()) return;
    Deliver(batch);
  }
}

std::vector<Span> Exporter::NextBatch() {
  std::unique_lock lock(mutex_);
  // A quiet process wakes up this often too: a mutex per span is all that Add() costs.
  while (!stop_by_) {
    wake_.wait_for(lock, limits_.delay,
                   [this] { return stop_by_ || queue_.size() >= limits_.batch_max; });
    if (!queue_.empty()) break;
  }
  if (stop_by_ && Clock::now() >= *stop_by_) return {};
  const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), limits_.batch_max));
  std::vector<Span> batch(std::make_move_iterator(queue_.begin()),
                          std::make_move_iterator(queue_.begin() + count));
  queue_.erase(queue_.begin(), queue_.begin() + count);
  metrics_.queued.Set(static_cast<double>(queue_.size()));
  return batch;
}

void Exporter::Deliver(const std::vector<Span>& batch) {
  const auto wall_minus_steady = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch() - Clock::now().time_since_epoch());
  const std::string body = EncodeSpans(resource_, batch, wall_minus_steady);
  std::chrono::milliseconds backoff = limits_.backoff;
  for (int attempt = 1;; ++attempt) {
    std::chrono::milliseconds wished{};
    if (Attempt(body, batch.size(), &wished) != Sent::kAgain) return;
    if (attempt >= limits_.attempts_max) {
      return metrics_.dropped_unreachable.Increment(static_cast<double>(batch.size()));
    }
    if (!Sleep(std::clamp(wished, backoff, std::max(backoff, limits_.backoff_max)))) {
      return metrics_.dropped_shutdown.Increment(static_cast<double>(batch.size()));
    }
    backoff = std::min(backoff * 2, limits_.backoff_max);
  }
}

Exporter::Sent Exporter::Attempt(const std::string& body, size_t spans,
                                 std::chrono::milliseconds* wait) {
  std::chrono::milliseconds timeout = limits_.timeout;
  {
    const std::lock_guard lock(mutex_);
    if (stop_by_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*stop_by_ - Clock::now());
      timeout = std::clamp(left, std::chrono::milliseconds(1), timeout);
    }
  }
  const PostAnswer answer = post_.Send(body, timeout);
  if (answer.status >= 200 && answer.status < 300) {
    const uint64_t rejected = std::min<uint64_t>(RejectedSpans(answer.body).value_or(0), spans);
    metrics_.exported.Increment(static_cast<double>(spans - rejected));
    if (rejected > 0) metrics_.dropped_refused.Increment(static_cast<double>(rejected));
    return Sent::kDone;
  }
  const std::string why =
      answer.status == 0 ? answer.problem : "HTTP status " + std::to_string(answer.status);
  if (!IsRetryable(answer.status)) {
    metrics_.failed_refused.Increment();
    metrics_.dropped_refused.Increment(static_cast<double>(spans));
    Warn("the collector refuses spans", why);
    return Sent::kRefused;
  }
  metrics_.failed_unreachable.Increment();
  Warn("spans cannot be delivered", why);
  *wait = answer.retry_after;
  return Sent::kAgain;
}

void Exporter::Warn(std::string_view what, const std::string& why) {
  uint64_t suppressed = 0;
  if (!warn_limit_.Allow(&suppressed)) return;
  logging::Warning("tracing", what, {{"url", url_}, {"reason", why}, {"suppressed", suppressed}});
}

bool Exporter::Sleep(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stop_by_.has_value(); });
}

bool Exporter::PastEnd() {
  const std::lock_guard lock(mutex_);
  return stop_by_ && Clock::now() >= *stop_by_;
}

void Exporter::DropQueue() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return;
  metrics_.dropped_shutdown.Increment(static_cast<double>(queue_.size()));
  queue_.clear();
  metrics_.queued.Set(0);
}

}  // namespace topgun::tracing
