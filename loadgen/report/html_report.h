// The report as one HTML file that needs nothing else: charts are inline SVG, no script. Pure.
#pragma once

#include <string>

#include "report/run_report.h"

namespace topgun::loadgen {

std::string RenderHtml(const Config& config, const RunReport& report);

}  // namespace topgun::loadgen
