// Several runs in a row: steps of the rate, a search for the capacity, a script of phases.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "report/threshold.h"

namespace topgun::loadgen {

class OptionParser;
struct LoadConfig;

struct PlanConfig {
  std::vector<double> steps;  // ops/s
  bool find_max = false;
  std::string slo = "p99<50ms,errors<0.1%";
  std::vector<Threshold> objectives;  // of the slo
  double tolerance = 0.05;
  std::string script;  // path

  bool several_runs() const { return !steps.empty() || find_max || !script.empty(); }
};

void RegisterPlanOptions(OptionParser& parser, PlanConfig& plan, LoadConfig& load);
// Before FinishLoad(): decides about the rate.
Status FinishPlan(PlanConfig& plan, LoadConfig& load);

// "10k,20k,40k:30s"; without a time `*length` stays as it is.
StatusOr<std::vector<double>> ParseSteps(const std::string& text,
                                         std::chrono::milliseconds* length);
// "p99<50ms,errors<0.1%": thresholds, where a bare percentile is that of the acknowledgements.
StatusOr<std::vector<Threshold>> ParseSlo(const std::string& text);

}  // namespace topgun::loadgen
