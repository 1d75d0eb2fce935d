// What is told about a run, and where.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/status.h"
#include "report/threshold.h"
#include "scrape/server_meter.h"
#include "stats/process_cpu.h"

namespace topgun::loadgen {

class OptionParser;

struct OutputConfig {
  std::chrono::milliseconds progress{1'000};
  bool quiet = false;
  bool print_metrics_doc = false;
  // Files; empty: not written.
  std::string json_path;
  std::string ndjson_path;
  std::string csv_path;
  std::string hdr_path;
  std::string html_path;
  std::string junit_path;
  std::string compare_path;             // an earlier JSON report
  double tolerance = 0.1;               // of the comparison; 0.1: ten percent
  std::string prometheus_listen;        // empty: no admin port
  std::vector<std::string> pids;        // NAME=PID
  std::vector<NamedProcess> processes;  // of the pids
  std::vector<std::string> metrics;     // NAME=URL
  std::vector<NamedUrl> metrics_urls;   // of the metrics
  std::vector<std::string> limits;      // texts of the thresholds
  std::vector<Threshold> thresholds;
};

void RegisterOutputOptions(OptionParser& parser, OutputConfig& output);
Status FinishOutput(OutputConfig& output);

}  // namespace topgun::loadgen
