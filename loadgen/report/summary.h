// The report of a run for people: one progress line per interval and the final table.
#pragma once

#include <string>

#include "report/run_report.h"

namespace topgun::loadgen {

struct ProgressLine {
  const char* phase = "";
  double elapsed_s = 0;   // since the start of the phase
  double interval_s = 1;  // what `stats` covers
  uint64_t unacked_ops = 0;
};

std::string RenderProgress(const ProgressLine& line, const RunStats& stats);
std::string RenderSummary(const Config& config, const RunReport& report);

}  // namespace topgun::loadgen
