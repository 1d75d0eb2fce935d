#include "report/html_report.h"

#include <cmath>

#include "report/banner.h"
#include "report/junit_report.h"
#include "report/svg_chart.h"
#include "report/tables.h"
#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --grid: #8884; --soft: #8882; }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2em; }
.verdict { padding: .7em 1em; border-left: 5px solid; background: var(--soft); }
.good { border-color: #2a9d5c; } .bad { border-color: #d1495b; }
table { border-collapse: collapse; width: 100%; } th { font-weight: 600; }
td, th { padding: .2em .6em; text-align: right; border-bottom: 1px solid var(--grid); }
td:first-child, th:first-child, table.wide td { text-align: left; }
figure { margin: 1em 0; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; }
svg polyline { fill: none; stroke-width: 1.5; } svg .grid { stroke: var(--grid); }
)";

ChartLine LineOf(const std::string& name, const std::string& colour, const RunReport& report,
                 double (*value)(const SeriesPoint&)) {
  ChartLine line{name, colour, {}};
  for (const SeriesPoint& point : report.series) line.points.emplace_back(point.at_s, value(point));
  return line;
}

std::string Charts(const Config& config, const RunReport& report) {
  Chart rate{"Rate", "s", "ops/s", {}, {}};
  rate.lines.push_back(LineOf("acknowledged", "#2a7de1", report,
                              [](const SeriesPoint& p) { return p.acked_ops_per_s; }));
  if (config.load.open_loop() && !report.series.empty()) {
    rate.lines.push_back({"planned",
                          "#999",
                          {{report.series.front().at_s, config.load.rate},
                           {report.series.back().at_s, config.load.rate}}});
  }
  if (report.whole.events_received > 0) {
    rate.lines.push_back(LineOf("events received", "#8a4fbf", report,
                                [](const SeriesPoint& p) { return p.events_per_s; }));
  }
  Chart ack{"Latency of acknowledgements", "s", "ms", {}, {}};
  ack.lines = {
      LineOf("p50", "#2a9d5c", report, [](const SeriesPoint& p) { return p.ack.p50 / 1e3; }),
      LineOf("p99", "#e09f3e", report, [](const SeriesPoint& p) { return p.ack.p99 / 1e3; }),
      LineOf("p99.9", "#d1495b", report, [](const SeriesPoint& p) { return p.ack.p99_9 / 1e3; })};
  std::string charts = RenderSvg(rate) + RenderSvg(ack);
  if (report.measured.propagation.count() > 0) {
    Chart propagation{"Propagation to subscribers", "s", "ms", {}, {}};
    propagation.lines = {LineOf("p50", "#2a9d5c", report,
                                [](const SeriesPoint& p) { return p.propagation.p50 / 1e3; }),
                         LineOf("p99", "#e09f3e", report,
                                [](const SeriesPoint& p) { return p.propagation.p99 / 1e3; })};
    charts += RenderSvg(propagation);
  }
  Chart unacked{"Operations in flight", "s", "ops", {}, {}};
  unacked.lines.push_back(LineOf("in flight", "#2a7de1", report, [](const SeriesPoint& p) {
    return static_cast<double>(p.unacked_ops);
  }));
  return charts + RenderSvg(unacked);
}

// Latency over the percentile, with an axis that gives every nine the same room.
std::string PercentileChart(const RunReport& report) {
  Chart chart{"Latency by percentile", "", "ms", {}, {}};
  for (const auto& [percent, label] : {std::pair{0.0, "0 %"},
                                       {90.0, "90 %"},
                                       {99.0, "99 %"},
                                       {99.9, "99.9 %"},
                                       {99.99, "99.99 %"},
                                       {99.999, "99.999 %"}}) {
    chart.x_ticks.emplace_back(-std::log10(1 - percent / 100), label);
  }
  const auto add = [&](const std::string& name, const std::string& colour,
                       const Histogram& histogram) {
    if (histogram.count() == 0) return;
    ChartLine line{name, colour, {}};
    const double nines_max = std::log10(static_cast<double>(histogram.count()));
    for (double nines = 0; nines <= std::min(nines_max, 5.0); nines += 0.05) {
      const double percent = 100 * (1 - std::pow(10.0, -nines));
      line.points.emplace_back(nines, static_cast<double>(histogram.Percentile(percent)) / 1e6);
    }
    chart.lines.push_back(std::move(line));
  };
  add("ack", "#2a7de1", report.measured.ack_latency);
  add("ack, uncorrected", "#999", report.measured.ack_latency_sent);
  add("propagation", "#8a4fbf", report.measured.propagation);
  return chart.lines.empty() ? "" : RenderSvg(chart);
}

// How many operations were acknowledged within which time: buckets of equal width on a log scale.
std::string HistogramChart(const RunReport& report) {
  constexpr double kBucketsPerDecade = 20;
  const Histogram& histogram = report.measured.ack_latency;
  if (histogram.count() == 0) return "";
  std::map<int, double> counts;
  for (const Histogram::Bucket& bucket : histogram.Buckets()) {
    const double us = std::max(static_cast<double>(bucket.upper_edge) / 1e3, 1.0);
    counts[static_cast<int>(std::log10(us) * kBucketsPerDecade)] +=
        static_cast<double>(bucket.count);
  }
  Chart chart{"Histogram of ack latencies", "", "ops", {{"ops", "#2a7de1", {}}}, {}};
  for (int i = counts.begin()->first - 1; i <= counts.rbegin()->first + 1; ++i) {
    const auto found = counts.find(i);
    const double count = found == counts.end() ? 0 : found->second;
    chart.lines[0].points.emplace_back(i / kBucketsPerDecade, count);
    chart.lines[0].points.emplace_back((i + 1) / kBucketsPerDecade, count);
  }
  for (const auto& [decade, label] : {std::pair{0, "1 us"},
                                      {1, "10 us"},
                                      {2, "100 us"},
                                      {3, "1 ms"},
                                      {4, "10 ms"},
                                      {5, "100 ms"},
                                      {6, "1 s"},
                                      {7, "10 s"}}) {
    chart.x_ticks.emplace_back(decade, label);
  }
  return RenderSvg(chart);
}

std::string HtmlTable(const Table& table) {
  std::string html = "<h2>" + EscapeMarkup(table.title) + "</h2>\n<table" +
                     (table.wide ? " class=\"wide\"" : "") + ">\n";
  if (!table.columns.empty()) {
    html += "<tr><th></th>";
    for (const std::string& column : table.columns) html += "<th>" + EscapeMarkup(column) + "</th>";
    html += "</tr>\n";
  }
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (const std::string& cell : row) html += "<td>" + EscapeMarkup(cell) + "</td>";
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

Table ParameterTable(const std::string& title, const Parameters& parameters) {
  Table table{title, {}, {}, true};
  for (const auto& [name, value] : parameters) table.rows.push_back({name, value});
  return table;
}

}  // namespace

std::string RenderHtml(const Config& config, const RunReport& report) {
  const bool passed = report.exit_code == kExitOk;
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>topgun-loadgen " +
      RunName(report.run) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n";
  html += "<h1>topgun-loadgen, run " + RunName(report.run) + "</h1>\n";
  html += "<div class=\"verdict " + std::string(passed ? "good" : "bad") + "\"><b>" +
          (passed ? "PASSED" : "FAILED") + "</b><br/>" + EscapeMarkup(VerdictText(config, report));
  for (const std::string& problem : report.problems) html += "<br/>" + EscapeMarkup(problem);
  html += "</div>\n";
  if (report.unreachable.empty()) {
    // Scenarios whose clients do not write have no series.
    if (!report.series.empty()) html += "<h2>Course of the run</h2>\n" + Charts(config, report);
    html += PercentileChart(report) + HistogramChart(report);
    for (const Table& table : ReportTables(config, report)) html += HtmlTable(table);
  }
  html += HtmlTable(ParameterTable("Parameters", DescribeConfig(config)));
  html += HtmlTable(ParameterTable("Generator", DescribeMachine()));
  return html + "</body>\n</html>\n";
}

}  // namespace topgun::loadgen
