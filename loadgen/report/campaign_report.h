// The outcome of several runs in a row. Plain data.
#pragma once

#include <string>
#include <vector>

#include "report/run_report.h"
#include "report/threshold.h"

namespace topgun::loadgen {

struct CampaignPart {
  std::string name;  // of a phase; "step 2 of 3"; "attempt 5"
  double rate = 0;   // planned ops/s; 0: closed loop
  RunReport report;
  std::vector<ThresholdResult> objectives;  // of an attempt
  bool passed = false;                      // of an attempt: it kept the objectives and its rate
};

struct CampaignReport {
  enum class Kind : uint8_t { kSteps, kFindMax, kPhases };

  Kind kind = Kind::kSteps;
  Config config;  // of the run that speaks for all
  std::vector<CampaignPart> parts;

  // Of a search.
  std::string slo;
  double best_rate = 0;    // the highest that passed; 0: none did
  double failed_rate = 0;  // the lowest that did not; 0: none was found
  bool converged = false;
  bool generator_bound = false;  // the last failure was the generator's own
};

// A row for each part, and what a search found.
std::string RenderCampaign(const CampaignReport& campaign);
// One part as a line of its own, for the time being.
std::string RenderPartLine(const CampaignPart& part);

}  // namespace topgun::loadgen
