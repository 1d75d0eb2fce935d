// The final report for people, as text.
#pragma once

#include <string>

#include "report/run_report.h"

namespace topgun::loadgen {

std::string RenderSummary(const Config& config, const RunReport& report);

}  // namespace topgun::loadgen
