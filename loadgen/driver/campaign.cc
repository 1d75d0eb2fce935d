#include "driver/campaign.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "driver/capacity_search.h"
#include "options/values.h"
#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr double kReachedMin = 0.98;  // of the planned rate

// The keys are there after the first run.
NamedConfig AtRate(std::string name, const Config& config, double rate, bool first) {
  NamedConfig at{std::move(name), config, {}};
  at.config.load.rate = rate;
  at.config.data.preload &= first;
  at.overrides = {"--rate=" + RateText(rate), "--duration=" + DurationText(config.load.duration),
                  "--warmup=" + DurationText(config.load.warmup)};
  if (!first) at.overrides.push_back("--preload=false");
  return at;
}

// The next run would fare no better.
bool IsHopeless(const RunReport& report) {
  return !report.unreachable.empty() || !report.lost_agents.empty();
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

CampaignPart& Campaign::RunPart(const NamedConfig& run) {
  if (!config_.output.quiet) {
    const std::string rate =
        run.config.load.open_loop() ? ", " + Grouped(run.config.load.rate) + " ops/s" : "";
    std::fprintf(stderr, "%s%s\n", run.name.c_str(), rate.c_str());
  }
  const bool search = campaign_.kind == CampaignReport::Kind::kFindMax;
  if (!search) campaign_.config = run.config;
  CampaignPart& part = campaign_.parts.emplace_back();
  part.name = run.name;
  part.rate = run.config.load.rate;
  part.report = drive_(run);
  return part;
}

void Campaign::RunSteps() {
  const std::vector<double>& steps = config_.plan.steps;
  for (size_t i = 0; i < steps.size() && !interrupted_; ++i) {
    const std::string name =
        "step " + std::to_string(i + 1) + " of " + std::to_string(steps.size());
    if (IsHopeless(RunPart(AtRate(name, config_, steps[i], i == 0)).report)) return;
  }
}

void Campaign::RunPhases() {
  for (const NamedConfig& phase : phases_) {
    if (interrupted_ || IsHopeless(RunPart(phase).report)) return;
  }
}

void Campaign::Search() {
  campaign_.slo = config_.plan.slo;
  CapacitySearch search({.start = config_.load.rate, .tolerance = config_.plan.tolerance});
  while (const auto rate = search.Next()) {
    const std::string name = "attempt " + std::to_string(search.attempts() + 1);
    CampaignPart& part = RunPart(AtRate(name, config_, *rate, search.attempts() == 0));
    if (interrupted_ || IsHopeless(part.report)) break;
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
    if (part.passed || search.best() == 0)
      campaign_.config = AtRate(name, config_, *rate, true).config;
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
    const CampaignPart* const last = campaign_.parts.empty() ? nullptr : &campaign_.parts.back();
    if (last != nullptr && IsHopeless(last->report)) {
      if (campaign_.best_rate == 0) all = last->report;
      all.exit_code = last->report.exit_code;
      all.problems = last->report.problems;
    } else if (last != nullptr && campaign_.best_rate == 0) {
      all = last->report;
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
