#include "options/output.h"

#include <charconv>

#include "options/option_parser.h"

namespace topgun::loadgen {
namespace {

Status SetTolerance(const std::string& text, double& tolerance) {
  const char* const end = text.data() + text.size();
  double value = 0;
  const auto [unit, error] = std::from_chars(text.data(), end, value);
  const std::string_view suffix(unit, static_cast<size_t>(end - unit));
  if (error != std::errc() || !(value >= 0) || (suffix != "%" && !suffix.empty())) {
    return InvalidArgument("expected a share like 10%, got " + text);
  }
  tolerance = suffix.empty() ? value : value / 100;
  return OkStatus();
}

void RegisterFiles(OptionParser& parser, OutputConfig& output) {
  parser.Text("--json", "FILE", output.json_path, "Write the report as JSON");
  parser.Text("--ndjson", "FILE", output.ndjson_path,
              "Write a line of JSON every second, as it happens");
  parser.Text("--csv", "FILE", output.csv_path, "Write the same time series as CSV, at the end");
  parser.Text("--hdr", "FILE", output.hdr_path,
              "Write the ack latencies as percentile distribution of HdrHistogram (.hgrm)");
  parser.Text("--html", "FILE", output.html_path,
              "Write a report with charts, one file that works offline");
  parser.Text("--junit", "FILE", output.junit_path, "Write the verdict as JUnit XML");
}

void RegisterLimits(OptionParser& parser, OutputConfig& output) {
  parser.Texts("--threshold", "NAME<LIMIT", output.limits,
               "Exit code 1 unless it holds; repeatable: 'ack.p99<80ms', 'rate>50k',\n"
               "'errors<0.1%', 'cpu.gateway-0<3us'. A wrong name lists all");
  parser.Text("--compare", "FILE", output.compare_path,
              "Compare with an earlier --json; a figure that is worse by more than the\n"
              "tolerance is exit code 1");
  parser.Custom(
      "--tolerance", "SHARE", "10%",
      [&output](const std::string& text) { return SetTolerance(text, output.tolerance); },
      "What --compare lets pass");
}

// "NAME=REST".
Status Split(const char* option, const char* rest_name, const std::string& entry, std::string* name,
             std::string* rest) {
  const size_t equals = entry.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == entry.size()) {
    return InvalidArgument(std::string(option) + ": expected NAME=" + rest_name + ", got " + entry);
  }
  *name = entry.substr(0, equals);
  *rest = entry.substr(equals + 1);
  return OkStatus();
}

}  // namespace

void RegisterOutputOptions(OptionParser& parser, OutputConfig& output) {
  parser.BeginGroup("Output");
  RegisterFiles(parser, output);
  RegisterLimits(parser, output);
  parser.Duration("--progress", output.progress,
                  "Time between progress lines on stderr, where it is no terminal");
  parser.Flag("--quiet", output.quiet, "No banner and no progress");
  parser.Text("--prometheus", "[HOST]:PORT", output.prometheus_listen,
              "Serve the live counters of the run on /metrics there");
  parser.Flag("--print-metrics-doc", output.print_metrics_doc,
              "Print a table of what --prometheus serves, and end");
  parser.Texts("--metrics", "NAME=URL,...", output.metrics,
               "Admin ports of the services, as gateway=http://HOST:PORT/metrics: their CPU,\n"
               "memory, Redis and Postgres work per op, and their backlog",
               ',');
  parser.Texts("--pids", "NAME=PID,...", output.pids,
               "Processes to account CPU for, as NAME=PID; shown as us per acknowledged op", ',');
}

Status FinishOutput(OutputConfig& output) {
  std::string name;
  std::string rest;
  output.processes.clear();
  for (const std::string& entry : output.pids) {
    if (entry.empty()) continue;
    RETURN_IF_ERROR(Split("--pids", "PID", entry, &name, &rest));
    int pid = 0;
    const char* const end = rest.data() + rest.size();
    if (std::from_chars(rest.data(), end, pid).ptr != end || pid <= 0) {
      return InvalidArgument("--pids: expected NAME=PID, got " + entry);
    }
    output.processes.push_back({name, pid});
  }
  output.metrics_urls.clear();
  for (const std::string& entry : output.metrics) {
    if (entry.empty()) continue;
    RETURN_IF_ERROR(Split("--metrics", "URL", entry, &name, &rest));
    auto url = ParseHttpUrl(rest);
    if (!url.ok()) return Annotate(url.status(), "--metrics");
    output.metrics_urls.push_back({name, std::move(*url)});
  }
  output.thresholds.clear();
  for (const std::string& text : output.limits) {
    auto threshold = ParseThreshold(text);
    if (!threshold.ok()) return Annotate(threshold.status(), "--threshold");
    output.thresholds.push_back(std::move(*threshold));
  }
  if (output.progress.count() <= 0) return InvalidArgument("--progress: must be more than 0");
  return OkStatus();
}

}  // namespace topgun::loadgen
