// The report of a run for programs. Latencies are in microseconds.
#pragma once

#include <string>

#include "base/status.h"
#include "report/run_report.h"

namespace topgun::loadgen {

std::string RenderJson(const Config& config, const RunReport& report);
Status WriteFile(const std::string& path, const std::string& content);

}  // namespace topgun::loadgen
