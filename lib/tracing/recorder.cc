#include "tracing/recorder.h"

#include <random>
#include <utility>

#include "exporter.h"

namespace topgun::tracing {
namespace {

uint64_t Seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

// The mixing function of SplitMix64: consecutive numbers become well spread ones, never twice the
// same.
uint64_t Mixed(uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ULL;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebULL;
  return number ^ (number >> 31);
}

double SlowSeconds(const Options& options) {
  if (options.endpoint.empty() || options.slow.count() == 0) {
    return std::numeric_limits<double>::infinity();
  }
  return std::chrono::duration<double>(options.slow).count();
}

}  // namespace

Recorder::Recorder(const Options& options, Resource resource, metrics::Registry& registry,
                   ExportLimits limits)
    : options_(options),
      slow_seconds_(SlowSeconds(options)),
      next_id_(Seed()),
      rate_(options.traces_per_second_max),
      notable_rate_(options.traces_per_second_max),
      limited_(registry.AddCounter("tracing_traces_limited_total",
                                   "Pieces of work that were to be traced and were not, because "
                                   "there were too many in that second.")) {
  const ExportMetrics export_metrics(registry);  // also when disabled: panels show zeros
  if (options_.endpoint.empty()) return;
  exporter_ = std::make_unique<Exporter>(options_, std::move(resource), limits, export_metrics);
}

Recorder::~Recorder() = default;

void Recorder::Start() {
  if (exporter_ != nullptr) exporter_->Start();
}

void Recorder::Stop(std::chrono::milliseconds patience) {
  if (exporter_ != nullptr) exporter_->Stop(patience);
}

bool Recorder::Admit(Time now) { return Admit(rate_, now); }

bool Recorder::AdmitNotable(Time now) { return Admit(notable_rate_, now); }

bool Recorder::Admit(RateLimit& rate, Time now) {
  if (!enabled()) return false;
  const bool allowed = rate.Allow(now);
  if (!allowed) limited_.Increment();
  return allowed;
}

uint64_t Recorder::NewId() {
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
  for (;;) {
    const uint64_t id = Mixed(next_id_.fetch_add(kGolden, std::memory_order_relaxed));
    if (id != 0) return id;
  }
}

Context Recorder::NewTrace() {
  return {.trace_high = NewId(), .trace_low = NewId(), .span = NewId(), .sampled = true};
}

Context Recorder::Child(const Context& parent) {
  Context child = parent;
  if (enabled()) child.span = NewId();
  return child;
}

void Recorder::Add(Span span) {
  if (exporter_ != nullptr) exporter_->Add(std::move(span));
}

}  // namespace topgun::tracing
