// The report of a run for programs. Latencies are in microseconds.
#pragma once

#include <string>

#include "report/run_report.h"

namespace topgun::loadgen {

std::string RenderJson(const Config& config, const RunReport& report);

}  // namespace topgun::loadgen
