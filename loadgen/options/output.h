// What is told about a run, and where.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/status.h"
#include "stats/process_cpu.h"

namespace topgun::loadgen {

class OptionParser;

struct OutputConfig {
  std::chrono::milliseconds progress{1'000};
  bool quiet = false;
  std::string json_path;
  std::vector<std::string> pids;        // NAME=PID
  std::vector<NamedProcess> processes;  // of the pids
};

void RegisterOutputOptions(OptionParser& parser, OutputConfig& output);
Status FinishOutput(OutputConfig& output);

}  // namespace topgun::loadgen
