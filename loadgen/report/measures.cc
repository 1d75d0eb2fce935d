#include "report/measures.h"

#include <algorithm>
#include <array>

#include "report/text.h"

namespace topgun::loadgen {
namespace {

struct LatencyName {
  std::string_view name;
  const Histogram& (*of)(const RunReport&);
};

constexpr std::array kLatencies = {
    LatencyName{"ack",
                [](const RunReport& r) -> const Histogram& { return r.measured.ack_latency; }},
    LatencyName{"ack_uncorrected",
                [](const RunReport& r) -> const Histogram& { return r.measured.ack_latency_sent; }},
    LatencyName{"ack.PUT",
                [](const RunReport& r) -> const Histogram& { return r.measured.ack_by_kind[0]; }},
    LatencyName{"ack.REMOVE",
                [](const RunReport& r) -> const Histogram& { return r.measured.ack_by_kind[1]; }},
    LatencyName{"ack.OR_ADD",
                [](const RunReport& r) -> const Histogram& { return r.measured.ack_by_kind[2]; }},
    LatencyName{"ack.OR_REMOVE",
                [](const RunReport& r) -> const Histogram& { return r.measured.ack_by_kind[3]; }},
    LatencyName{"query",
                [](const RunReport& r) -> const Histogram& { return r.measured.query_latency; }},
    LatencyName{"propagation",
                [](const RunReport& r) -> const Histogram& { return r.measured.propagation; }},
    LatencyName{"connect",
                [](const RunReport& r) -> const Histogram& { return r.whole.connect_latency; }},
    LatencyName{"auth",
                [](const RunReport& r) -> const Histogram& { return r.whole.auth_latency; }},
    LatencyName{"ready",
                [](const RunReport& r) -> const Histogram& { return r.whole.ready_latency; }},
    LatencyName{"answer",
                [](const RunReport& r) -> const Histogram& { return r.whole.answer_latency; }},
    LatencyName{"pong",
                [](const RunReport& r) -> const Histogram& { return r.window.pong_latency; }},
    LatencyName{"lag",
                [](const RunReport& r) -> const Histogram& { return r.window.schedule_lag; }},
};

struct StatisticName {
  std::string_view name;
  double (*of)(const Histogram&);
};

template <int kPerMille>
double Percentile(const Histogram& h) {
  return static_cast<double>(h.Percentile(kPerMille / 100.0));
}

constexpr std::array kStatistics = {
    StatisticName{"p50", Percentile<5000>},
    StatisticName{"p90", Percentile<9000>},
    StatisticName{"p95", Percentile<9500>},
    StatisticName{"p99", Percentile<9900>},
    StatisticName{"p99.9", Percentile<9990>},
    StatisticName{"p99.99", Percentile<9999>},
    StatisticName{"max", [](const Histogram& h) { return static_cast<double>(h.max()); }},
    StatisticName{"min", [](const Histogram& h) { return static_cast<double>(h.min()); }},
    StatisticName{"mean", [](const Histogram& h) { return h.Mean(); }},
};

double Share(uint64_t part, uint64_t rest) {
  return part + rest == 0 ? 0 : static_cast<double>(part) / static_cast<double>(part + rest);
}

struct ScalarName {
  std::string_view name;
  MeasureUnit unit;
  std::optional<double> (*of)(const RunReport&);
};

constexpr std::array kScalars = {
    ScalarName{"rate", MeasureUnit::kRate,
               [](const RunReport& r) -> std::optional<double> {
                 return r.PerSecond(r.window.ops_acked);
               }},
    ScalarName{"events", MeasureUnit::kRate,
               [](const RunReport& r) -> std::optional<double> {
                 return r.PerSecond(r.window.events_received);
               }},
    // ERROR frames, refused and never acknowledged operations, among these and the acknowledged.
    ScalarName{"errors", MeasureUnit::kShare,
               [](const RunReport& r) -> std::optional<double> {
                 return Share(r.whole.ErrorCount() + r.whole.ops_refused + r.unacked_ops,
                              r.whole.ops_acked);
               }},
    ScalarName{"refused", MeasureUnit::kCount,
               [](const RunReport& r) -> std::optional<double> {
                 return static_cast<double>(r.whole.ops_refused);
               }},
    ScalarName{"unacked", MeasureUnit::kCount,
               [](const RunReport& r) -> std::optional<double> {
                 return static_cast<double>(r.unacked_ops);
               }},
    ScalarName{"closes", MeasureUnit::kCount,
               [](const RunReport& r) -> std::optional<double> {
                 return static_cast<double>(r.whole.closes);
               }},
    ScalarName{"reconnects", MeasureUnit::kCount,
               [](const RunReport& r) -> std::optional<double> {
                 return static_cast<double>(r.whole.reconnects);
               }},
    ScalarName{"dropped", MeasureUnit::kCount,
               [](const RunReport& r) -> std::optional<double> {
                 return static_cast<double>(r.window.frames_dropped);
               }},
    ScalarName{"late", MeasureUnit::kShare,
               [](const RunReport& r) -> std::optional<double> { return r.LateShare(); }},
    ScalarName{"generator", MeasureUnit::kShare,
               [](const RunReport& r) -> std::optional<double> { return r.busiest_thread; }},
    ScalarName{"findings", MeasureUnit::kCount,
               [](const RunReport& r) -> std::optional<double> {
                 if (!r.verify) return std::nullopt;
                 return static_cast<double>(r.verify->findings());
               }},
};

constexpr std::string_view kCpu = "cpu";
constexpr std::string_view kCpuOf = "cpu.";

const ScalarName* FindScalar(std::string_view name) {
  const auto* const found = std::find_if(kScalars.begin(), kScalars.end(),
                                         [&](const ScalarName& s) { return s.name == name; });
  return found == kScalars.end() ? nullptr : found;
}

struct LatencyMeasure {
  const LatencyName* latency = nullptr;
  const StatisticName* statistic = nullptr;
};

// "ack.OR_ADD.p99.9": names and statistics may hold dots, so all pairs are tried.
std::optional<LatencyMeasure> FindLatency(std::string_view name) {
  for (const LatencyName& latency : kLatencies) {
    if (!name.starts_with(latency.name)) continue;
    std::string_view rest = name.substr(latency.name.size());
    if (!rest.starts_with('.')) continue;
    rest.remove_prefix(1);
    for (const StatisticName& statistic : kStatistics) {
      if (rest == statistic.name) return LatencyMeasure{&latency, &statistic};
    }
  }
  return std::nullopt;
}

std::optional<double> CpuPerOp(const RunReport& report, std::string_view name) {
  const auto ops = static_cast<double>(report.WorkDone());
  if (ops == 0) return std::nullopt;
  const bool all = name == kCpu;
  const std::string_view wanted = all ? name : name.substr(kCpuOf.size());
  double cpu_us = 0;
  bool found = false;
  for (const ProcessCpuMeter::Usage& process : report.processes) {
    if ((!all && process.name != wanted) || !process.cpu_us) continue;
    cpu_us += static_cast<double>(*process.cpu_us);
    found = true;
  }
  if (wanted == "loadgen" || all) {
    cpu_us += report.generator_cpu_us;
    found = true;
  }
  // What a process says about itself counts when nobody looked at it from outside.
  for (const ServerReport::Service& service : report.server.services) {
    const bool seen =
        std::any_of(report.processes.begin(), report.processes.end(),
                    [&](const auto& process) { return process.name == service.name; });
    if (seen || (!all && service.name != wanted) || !service.cpu_seconds) continue;
    cpu_us += *service.cpu_seconds * 1e6;
    found = true;
  }
  if (!found) return std::nullopt;
  return cpu_us / ops;
}

}  // namespace

std::optional<MeasureUnit> UnitOfMeasure(std::string_view name) {
  if (const ScalarName* const scalar = FindScalar(name)) return scalar->unit;
  if (FindLatency(name)) return MeasureUnit::kTime;
  if (name == kCpu || (name.starts_with(kCpuOf) && name.size() > kCpuOf.size())) {
    return MeasureUnit::kCpu;
  }
  return std::nullopt;
}

std::optional<double> ValueOfMeasure(const RunReport& report, std::string_view name) {
  if (const ScalarName* const scalar = FindScalar(name)) return scalar->of(report);
  if (const auto measure = FindLatency(name)) {
    const Histogram& histogram = measure->latency->of(report);
    if (histogram.count() == 0) return std::nullopt;
    return measure->statistic->of(histogram) / 1e3;
  }
  return CpuPerOp(report, name);
}

std::string MeasureNames() {
  std::string statistics;
  for (const StatisticName& statistic : kStatistics) {
    statistics += (statistics.empty() ? "" : ", ") + std::string(statistic.name);
  }
  std::string latencies;
  for (const LatencyName& latency : kLatencies) {
    latencies += (latencies.empty() ? "" : ", ") + std::string(latency.name);
  }
  std::string names;
  for (const ScalarName& scalar : kScalars) names += std::string(scalar.name) + ", ";
  return names + "cpu, cpu.PROCESS, and LATENCY.STATISTIC with LATENCY one of " + latencies +
         " and STATISTIC one of " + statistics;
}

std::string RenderMeasure(MeasureUnit unit, double value) {
  switch (unit) {
    case MeasureUnit::kTime:
      return value < 1e3 ? Fixed(value, 0) + " us" : Fixed(value / 1e3, 2) + " ms";
    case MeasureUnit::kCpu:
      return Fixed(value, 2) + " us/op";
    case MeasureUnit::kRate:
      return Grouped(value) + " /s";
    case MeasureUnit::kShare:
      return Fixed(value * 100, 3) + " %";
    case MeasureUnit::kCount:
      break;
  }
  return Grouped(value);
}

}  // namespace topgun::loadgen
