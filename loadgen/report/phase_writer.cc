#include "report/phase_writer.h"

#include "report/text.h"

namespace topgun::loadgen {

PhaseWriter::PhaseWriter(const Config& config, std::FILE* file)
    : scenario_(config.scenario),
      quiet_(config.output.quiet),
      progress_s_(static_cast<double>(config.output.progress.count()) / 1e3),
      file_(file) {}

void PhaseWriter::OnInterval(const Interval& interval) {
  if (quiet_) return;
  if (interval.phase != since_line_.phase) since_line_ = {};
  since_line_.stats.Merge(interval.stats);
  since_line_.seconds += interval.seconds;
  since_line_.phase = interval.phase;
  since_line_.phase_s = interval.phase_s;
  if (since_line_.seconds < progress_s_) return;
  std::fputs(RenderPhase(scenario_, since_line_).c_str(), file_);
  since_line_ = {};
  since_line_.phase = interval.phase;
}

std::string RenderPhase(const std::string& scenario, const Interval& interval) {
  const RunStats& stats = interval.stats;
  const double frames = static_cast<double>(stats.frames_received);
  std::string text = scenario + ": " + interval.phase + ", " + Fixed(interval.phase_s, 0) +
                     " s: " + Grouped(stats.connect_latency.count()) + " connects, " +
                     Grouped(interval.seconds > 0 ? frames / interval.seconds : 0) +
                     " frames/s received";
  const auto add = [&text](const char* name, const Histogram& latency) {
    if (latency.count() > 0) text += ", " + (name + Millis(latency.Percentile(99))) + " ms";
  };
  add("p99 to the answer ", stats.answer_latency);
  add("pong p99 ", stats.pong_latency);
  return text + "\n";
}

}  // namespace topgun::loadgen
