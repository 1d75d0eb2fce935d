#include "driver/campaign.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "driver/capacity_search.h"
#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr double kReachedMin = 0.98;  // of the planned rate

// The keys are there after the first run.
Config AtRate(const Config& config, double rate, bool first) {
  Config at = config;
  at.load.rate = rate;
  at.data.preload &= first;
  return at;
}

bool ReachedItsRate(const CampaignPart& part) {
  const RunStats& window = part.report.window;
  return part.report.PerSecond(window.ops_acked + window.queries_answered) >=
         part.rate * kReachedMin;
}

}  // namespace

Campaign::Campaign(const Config& config, const std::vector<NamedConfig>& phases,
                   const std::atomic<bool>& interrupted, Drive drive)
    : config_(config), phases_(phases), interrupted_(interrupted), drive_(std::move(drive)) {}

RunReport Campaign::Execute() {
  if (config_.plan.find_max) {
    campaign_.kind = CampaignReport::Kind::kFindMax;
    Search();
  } else if (!config_.plan.steps.empty()) {
    campaign_.kind = CampaignReport::Kind::kSteps;
    RunSteps();
  } else {
    campaign_.kind = CampaignReport::Kind::kPhases;
    RunPhases();
  }
  return Conclude();
}

CampaignPart& Campaign::RunPart(const std::string& name, const Config& config) {
  if (!config_.output.quiet) {
    const std::string rate =
        config.load.open_loop() ? ", " + Grouped(config.load.rate) + " ops/s" : "";
    std::fprintf(stderr, "%s%s\n", name.c_str(), rate.c_str());
  }
  const bool search = campaign_.kind == CampaignReport::Kind::kFindMax;
  if (!search) campaign_.config = config;
  CampaignPart& part = campaign_.parts.emplace_back();
  part.name = name;
  part.rate = config.load.rate;
  part.report = drive_(config);
  return part;
}

void Campaign::RunSteps() {
  const std::vector<double>& steps = config_.plan.steps;
  for (size_t i = 0; i < steps.size() && !interrupted_; ++i) {
    RunPart("step " + std::to_string(i + 1) + " of " + std::to_string(steps.size()),
            AtRate(config_, steps[i], i == 0));
  }
}

void Campaign::RunPhases() {
  for (const NamedConfig& phase : phases_) {
    if (interrupted_) return;
    RunPart(phase.name, phase.config);
  }
}

void Campaign::Search() {
  campaign_.slo = config_.plan.slo;
  CapacitySearch search({.start = config_.load.rate, .tolerance = config_.plan.tolerance});
  while (const auto rate = search.Next()) {
    const std::string name = "attempt " + std::to_string(search.attempts() + 1);
    CampaignPart& part = RunPart(name, AtRate(config_, *rate, search.attempts() == 0));
    if (interrupted_ || !part.report.unreachable.empty()) break;
    part.passed = part.report.exit_code == kExitOk && ReachedItsRate(part);
    for (const Threshold& objective : config_.plan.objectives) {
      part.objectives.push_back(CheckThreshold(objective, part.report));
      part.passed &= part.objectives.back().passed;
    }
    if (!part.passed) {
      campaign_.generator_bound = part.report.exit_code == kExitBottleneck;
    }
    if (!config_.output.quiet) {
      const std::string line = RenderPartLine(part);
      std::fprintf(stderr, "%s  %s\n", line.substr(0, line.size() - 1).c_str(),
                   part.passed ? "passed" : "failed");
    }
    // The last one, for want of a better one.
    if (part.passed || search.best() == 0) campaign_.config = AtRate(config_, *rate, true);
    search.Report(part.passed);
  }
  campaign_.best_rate = search.best();
  campaign_.failed_rate = search.failed();
  campaign_.converged = search.converged();
}

RunReport Campaign::Conclude() {
  const bool search = campaign_.kind == CampaignReport::Kind::kFindMax;
  RunReport all;
  for (const CampaignPart& part : campaign_.parts) {
    if (!search || (part.passed && part.rate == campaign_.best_rate)) all = part.report;
  }
  if (search) {
    // Attempts are meant to fail; only the search as a whole can.
    if (campaign_.best_rate == 0 && !campaign_.parts.empty()) {
      all = campaign_.parts.back().report;
      if (all.exit_code == kExitOk) all.exit_code = kExitErrors;
      all.problems.push_back("no rate kept " + campaign_.slo);
    }
  } else {
    all.exit_code = kExitOk;
    all.problems.clear();
    for (const CampaignPart& part : campaign_.parts) {
      if (all.exit_code == kExitOk) all.exit_code = part.report.exit_code;
      for (const std::string& problem : part.report.problems) {
        all.problems.push_back(part.name + ": " + problem);
      }
    }
  }
  all.interrupted = interrupted_;
  all.campaign = std::make_shared<const CampaignReport>(std::move(campaign_));
  return all;
}

}  // namespace topgun::loadgen
