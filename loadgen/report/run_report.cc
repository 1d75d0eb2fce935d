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

}  // namespace

double RunReport::LateShare() const {
  const uint64_t frames = window.schedule_lag.count();
  return frames == 0 ? 0 : static_cast<double>(window.frames_late) / static_cast<double>(frames);
}

void Judge(const Config& config, RunReport* report) {
  if (!report->unreachable.empty()) {
    return Add(report, kExitUnreachable, report->unreachable);
  }
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
  if (report->window.ops_acked == 0) Add(report, kExitErrors, "nothing was acknowledged");
  if (!config.load.open_loop()) return;
  if (report->busiest_thread > kGeneratorCpuMax) {
    Add(report, kExitBottleneck, "INVALID: the generator used more than 90 % of a core per thread");
  }
  if (report->LateShare() > kLateShareMax) {
    Add(report, kExitBottleneck, "INVALID: more than 1 % of the frames left over 10 ms late");
  }
}

}  // namespace topgun::loadgen
