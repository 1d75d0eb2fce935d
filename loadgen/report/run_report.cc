#include "report/run_report.h"

namespace topgun::loadgen {
namespace {

constexpr double kGeneratorCpuMax = 0.90;
constexpr double kLateShareMax = 0.01;
// Expected under load and answered by sending again; whatever stays unacknowledged counts itself.
constexpr int64_t kTooManyRequests = 429;

void Add(RunReport* report, ExitCode code, std::string problem) {
  report->problems.push_back(std::move(problem));
  if (report->exit_code == kExitOk) report->exit_code = code;
}

void JudgeMerkle(const MerkleReport& merkle, RunReport* report) {
  if (merkle.first_mismatch || merkle.mismatches > 0) {
    Add(report, kExitVerification,
        std::to_string(merkle.mismatches + (merkle.first_mismatch ? 1 : 0)) +
            " syncs ended with another root than the server's");
  }
  if (merkle.keys_missing > 0) {
    Add(report, kExitVerification,
        std::to_string(merkle.keys_missing) + " acknowledged keys were not in the first sync");
  }
  if (merkle.unfinished > 0) {
    Add(report, kExitErrors, std::to_string(merkle.unfinished) + " syncs did not end");
  }
}

void JudgeFleet(const FleetReport& fleet, RunReport* report) {
  if (fleet.lost > 0) {
    Add(report, kExitErrors,
        std::to_string(fleet.lost) +
            " idle connections were lost, last: " + report->whole.last_error);
  }
  if (fleet.cycles_failed > 0) {
    Add(report, kExitErrors,
        std::to_string(fleet.cycles_failed) +
            " clients got no answer, last: " + report->whole.last_error);
  }
  if (fleet.cycles_late > 0 && report->busiest_thread > kGeneratorCpuMax) {
    report->valid = false;
    Add(report, kExitBottleneck, "INVALID: the generator used more than 90 % of a core");
  }
}

void Invalid(RunReport* report, const std::string& why) {
  report->valid = false;
  Add(report, kExitBottleneck, "INVALID: " + why);
}

// The agents of which `figure` is above the limit, for a message; empty: none is.
std::string AgentsAbove(double limit, double AgentSummary::*figure, const RunReport& report) {
  std::string names;
  for (const AgentSummary& agent : report.agents) {
    if (agent.*figure > limit) names += (names.empty() ? " on agent " : ", ") + agent.name;
  }
  return names;
}

// Whether the figures are those of the target. A busy generator spoils both models: an open loop
// charges its own delays to the target, a closed one finds its own capacity. What is shorter than a
// second tells of no capacity anyway. One agent among many spoils the figures of all.
void JudgeGenerator(const Config& config, RunReport* report) {
  constexpr double kSecondsMin = 1;
  const bool open = config.load.open_loop();
  if (report->busiest_thread > kGeneratorCpuMax && (open || report->seconds >= kSecondsMin)) {
    Invalid(report, "a thread of the generator used more than 90 % of a core" +
                        AgentsAbove(kGeneratorCpuMax, &AgentSummary::busiest_thread, *report) +
                        "; try more --threads");
  }
  const std::string late = AgentsAbove(kLateShareMax, &AgentSummary::late_share, *report);
  if (open && (report->LateShare() > kLateShareMax || !late.empty())) {
    Invalid(report, "more than 1 % of the frames left over 10 ms late" + late);
  }
}

}  // namespace

uint64_t RunReport::WorkDone() const {
  if (merkle) return merkle->syncs;
  if (fleet) return fleet->cycles;
  return window.ops_acked;
}

double RunReport::LateShare() const {
  const uint64_t frames = window.schedule_lag.count();
  return frames == 0 ? 0 : static_cast<double>(window.frames_late) / static_cast<double>(frames);
}

void Judge(const Config& config, RunReport* report) {
  if (!report->unreachable.empty()) {
    return Add(report, kExitUnreachable, report->unreachable);
  }
  for (const std::string& agent : report->lost_agents) Add(report, kExitErrors, "lost " + agent);
  if (report->verify && !report->verify->passed()) {
    Add(report, kExitVerification,
        report->verify->findings() > 0
            ? "verification failed: " + std::to_string(report->verify->findings()) + " findings"
            : "verification incomplete: " + report->verify->incomplete);
  }
  if (report->unacked_ops > 0) {
    Add(report, kExitErrors,
        std::to_string(report->unacked_ops) + " operations never acknowledged");
  }
  if (report->unanswered_queries + report->whole.queries_failed > 0) {
    Add(report, kExitErrors,
        std::to_string(report->unanswered_queries) + " queries never answered, " +
            std::to_string(report->whole.queries_failed) + " answered with an error");
  }
  if (report->whole.ops_refused > 0) {
    Add(report, kExitErrors, std::to_string(report->whole.ops_refused) + " operations refused");
  }
  for (const auto& [code, count] : report->whole.errors) {
    if (code == kTooManyRequests) continue;
    Add(report, kExitErrors,
        std::to_string(count) + " ERROR frames with code " + std::to_string(code) +
            ", last: " + report->whole.last_error);
  }
  if (report->whole.undecodable_frames > 0) {
    Add(report, kExitErrors,
        std::to_string(report->whole.undecodable_frames) + " frames could not be decoded");
  }
  if (report->window.frames_dropped > 0) {
    Add(report, kExitErrors,
        std::to_string(report->window.frames_dropped) +
            " frames of the schedule never sent: the target is too slow");
  }
  if (report->merkle) return JudgeMerkle(*report->merkle, report);
  if (report->fleet) return JudgeFleet(*report->fleet, report);
  if (report->window.ops_acked + report->window.queries_answered == 0)
    Add(report, kExitErrors, "nothing was acknowledged");
  JudgeGenerator(config, report);
}

void JudgeProxy(RunReport* report) {
  if (!report->proxy || report->proxy->thread_share <= kGeneratorCpuMax) return;
  Invalid(report, "the fault proxy used more than 90 % of a core");
}

void JudgeKill(RunReport* report) {
  const bool took_place =
      report->unreachable.empty() && report->lost_agents.empty() && !report->interrupted;
  if (!report->kill || !took_place || !report->kill->had_no_effect()) return;
  const KillReport& kill = *report->kill;
  Add(report, kExitErrors,
      kill.runs == 0 ? "--kill-cmd never ran: the measurement was over before --kill-every"
                     : "--kill-cmd failed every time, last: " + kill.last_failure);
}

void JudgeLimits(const std::vector<Threshold>& thresholds, RunReport* report) {
  for (const Threshold& threshold : thresholds) {
    const ThresholdResult& result =
        report->thresholds.emplace_back(CheckThreshold(threshold, *report));
    if (result.passed) continue;
    Add(report, kExitErrors, "threshold " + result.text + ": " + result.measured);
  }
  if (report->comparison && report->comparison->regressions() > 0) {
    Add(report, kExitErrors,
        std::to_string(report->comparison->regressions()) + " figures are worse than in " +
            report->comparison->base_path + " by more than the tolerance");
  }
}

}  // namespace topgun::loadgen
