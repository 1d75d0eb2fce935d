#include "options/plan.h"

#include <algorithm>

#include "options/load.h"
#include "options/option_parser.h"
#include "options/values.h"

namespace topgun::loadgen {
namespace {

constexpr double kSearchStart = 10'000;  // ops/s

std::vector<std::string> Parts(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const size_t first = std::min(text.find_first_not_of(' ', begin), end);
    parts.push_back(text.substr(first, end - first));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

void RegisterPlanOptions(OptionParser& parser, PlanConfig& plan, LoadConfig& load) {
  parser.BeginGroup("Several runs in a row");
  parser.Custom(
      "--steps", "RATE,...[:TIME]", "",
      [&plan, &load](const std::string& text) {
        ASSIGN_OR_RETURN(plan.steps, ParseSteps(text, &load.duration));
        return OkStatus();
      },
      "One run for each of these rates, e.g. 10k,20k,40k:30s, and a table of them");
  parser.Flag("--find-max", plan.find_max,
              "Search the highest rate that meets --slo: doubles it from --rate (10k) on until\n"
              "it does not, then halves the gap. Each attempt takes --duration (here 10s)");
  parser.Text("--slo", "LIMIT,...", plan.slo,
              "What --find-max must keep, like --threshold; p99 means ack.p99. An attempt must\n"
              "also reach 98 % of its rate without errors");
  parser.Share("--find-tolerance", plan.tolerance, "--find-max ends when the gap is this small");
  parser.Text(
      "--script", "FILE", plan.script,
      "JSON list of phases: [{\"name\": \"peak\", \"duration\": \"1m\", \"rate\": \"50k\"}, ...];\n"
      "apart from the name every member is an option that wins over the command line");
}

Status FinishPlan(PlanConfig& plan, LoadConfig& load) {
  const int kinds =
      (plan.steps.empty() ? 0 : 1) + (plan.find_max ? 1 : 0) + (plan.script.empty() ? 0 : 1);
  if (kinds > 1) return InvalidArgument("--steps, --find-max and --script exclude each other");
  if (plan.steps.empty() && !plan.find_max) return OkStatus();
  const std::string option = plan.find_max ? "--find-max" : "--steps";
  if (load.mode == LoadMode::kClosed || load.ramp || load.ops > 0) {
    return InvalidArgument(option + " is an open loop for a --duration: it does not go with " +
                           "--mode closed, --ramp or --ops");
  }
  if (load.think.kind != ThinkTime::Kind::kNone) {
    return InvalidArgument("--think is for closed loops, " + option + " is an open one");
  }
  if (!plan.steps.empty()) load.rate = plan.steps.front();
  if (!plan.find_max) return OkStatus();
  if (load.rate == 0) load.rate = kSearchStart;
  if (plan.tolerance < 0.005) return InvalidArgument("--find-tolerance: at least 0.005");
  ASSIGN_OR_RETURN(plan.objectives, ParseSlo(plan.slo));
  return OkStatus();
}

StatusOr<std::vector<double>> ParseSteps(const std::string& text,
                                         std::chrono::milliseconds* length) {
  const size_t colon = text.find(':');
  if (colon != std::string::npos) {
    const auto time = ParseDuration(text.substr(colon + 1));
    if (!time || time->count() == 0) {
      return InvalidArgument("expected RATE,...:TIME like 10k,20k:30s, got " + text);
    }
    *length = *time;
  }
  std::vector<double> steps;
  for (const std::string& part : Parts(text.substr(0, colon))) {
    const auto rate = ParseRate(part);
    if (!rate || *rate == 0) {
      return InvalidArgument("expected rates like 10k,20k, got '" + part + "'");
    }
    steps.push_back(*rate);
  }
  return steps;
}

StatusOr<std::vector<Threshold>> ParseSlo(const std::string& text) {
  std::vector<Threshold> objectives;
  for (const std::string& part : Parts(text)) {
    const size_t sign = std::min(part.find_first_of("<> "), part.size());
    const std::string name = part.substr(0, sign);
    const bool bare = name == "max" || name == "mean" ||
                      (name.size() > 1 && name[0] == 'p' && name[1] >= '0' && name[1] <= '9');
    auto objective = ParseThreshold(bare ? "ack." + part : part);
    if (!objective.ok()) {
      return InvalidArgument("--slo: " + std::string(Message(objective.status())));
    }
    objective->text = part;
    objectives.push_back(*objective);
  }
  return objectives;
}

}  // namespace topgun::loadgen
