#include "report/series.h"

#include <cstdio>
#include <utility>

namespace topgun::loadgen {
namespace {

SeriesPoint::Latency LatencyOf(const Histogram& histogram) {
  const auto us = [](int64_t ns) { return static_cast<double>(ns) / 1e3; };
  return {histogram.count(), us(histogram.Percentile(50)), us(histogram.Percentile(99)),
          us(histogram.Percentile(99.9)), us(histogram.max())};
}

std::string Number(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

// Every column with its value as text. The names are those of the JSON report.
template <typename Visitor>
void ForEachColumn(const SeriesPoint& point, Visitor visit) {
  visit("at_s", Number(point.at_s));
  visit("phase", point.phase);
  visit("seconds", Number(point.seconds));
  visit("acked_ops_per_s", Number(point.acked_ops_per_s));
  visit("sent_ops_per_s", Number(point.sent_ops_per_s));
  visit("events_per_s", Number(point.events_per_s));
  visit("bytes_sent_per_s", Number(point.bytes_sent_per_s));
  visit("bytes_received_per_s", Number(point.bytes_received_per_s));
  visit("unacked_ops", std::to_string(point.unacked_ops));
  visit("errors", std::to_string(point.errors));
  visit("refused", std::to_string(point.refused));
  visit("closes", std::to_string(point.closes));
  visit("reconnects", std::to_string(point.reconnects));
  visit("frames_late", std::to_string(point.frames_late));
  visit("frames_dropped", std::to_string(point.frames_dropped));
  visit("kill_runs", std::to_string(point.kill_runs));
  const auto latency = [&](const std::string& name, const SeriesPoint::Latency& of) {
    visit(name + "_count", std::to_string(of.count));
    visit(name + "_p50_us", Number(of.p50));
    visit(name + "_p99_us", Number(of.p99));
    visit(name + "_p99_9_us", Number(of.p99_9));
    visit(name + "_max_us", Number(of.max));
  };
  latency("ack", point.ack);
  latency("propagation", point.propagation);
}

}  // namespace

SeriesPoint MakePoint(const Interval& interval) {
  const RunStats& stats = interval.stats;
  const auto per_second = [&](uint64_t count) {
    return interval.seconds > 0 ? static_cast<double>(count) / interval.seconds : 0;
  };
  SeriesPoint point;
  point.phase = interval.phase;
  point.at_s = interval.run_s;
  point.seconds = interval.seconds;
  point.acked_ops_per_s = per_second(stats.ops_acked);
  point.sent_ops_per_s = per_second(stats.ops_sent);
  point.events_per_s = per_second(stats.events_received);
  point.bytes_sent_per_s = per_second(stats.bytes_sent);
  point.bytes_received_per_s = per_second(stats.bytes_received);
  point.unacked_ops = interval.unacked_ops;
  point.errors = stats.ErrorCount();
  point.refused = stats.ops_refused;
  point.closes = stats.closes;
  point.reconnects = stats.reconnects;
  point.frames_late = stats.frames_late;
  point.frames_dropped = stats.frames_dropped;
  point.kill_runs = interval.kill_runs;
  point.ack = LatencyOf(stats.ack_latency);
  point.propagation = LatencyOf(stats.propagation);
  return point;
}

std::string RenderPointJson(const SeriesPoint& point) {
  std::string line;
  ForEachColumn(point, [&](const std::string& name, const std::string& value) {
    // Phases are the only texts, and names of ours: nothing in them needs escaping.
    const bool text = name == "phase";
    line += (line.empty() ? "{\"" : ",\"") + name + "\":" + (text ? '"' + value + '"' : value);
  });
  return line + "}";
}

std::string RenderCsv(const std::vector<SeriesPoint>& points) {
  std::string header;
  ForEachColumn(SeriesPoint(), [&](const std::string& name, const std::string&) {
    header += (header.empty() ? "" : ",") + name;
  });
  std::string csv = header + "\r\n";
  for (const SeriesPoint& point : points) {
    std::string row;
    ForEachColumn(point, [&](const std::string&, const std::string& value) {
      row += (row.empty() ? "" : ",") + value;
    });
    csv += row + "\r\n";
  }
  return csv;
}

}  // namespace topgun::loadgen
