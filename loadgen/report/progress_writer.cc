#include "report/progress_writer.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "report/text.h"

namespace topgun::loadgen {
namespace {

// What the sparkline can show on the widest of terminals.
constexpr size_t kRatesMax = 400;

}  // namespace

ProgressWriter::Options ProgressWriter::ForStderr(std::chrono::milliseconds progress,
                                                  double planned_rate) {
  Options options;
  options.progress = progress;
  options.planned_rate = planned_rate;
  const char* const terminal = std::getenv("TERM");
  options.panel =
      isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    options.columns = size.ws_col;
  return options;
}

ProgressWriter::ProgressWriter(Options options) : options_(options) {
  panel_.planned_rate = options.planned_rate;
}

void ProgressWriter::OnInterval(const Interval& interval) {
  if (options_.panel) return DrawPanel(interval);
  if (interval.phase != since_line_.phase) since_line_ = {};
  since_line_.stats.Merge(interval.stats);
  since_line_.seconds += interval.seconds;
  since_line_.phase = interval.phase;
  since_line_.phase_s = interval.phase_s;
  since_line_.unacked_ops = interval.unacked_ops;
  since_line_.kill_runs += interval.kill_runs;
  // Intervals end a little late, never early.
  const double due_s = static_cast<double>(options_.progress.count()) / 1e3;
  if (since_line_.seconds >= due_s) PrintLine(interval);
}

void ProgressWriter::PrintLine(const Interval& interval) {
  std::fputs(RenderProgress(since_line_).c_str(), options_.file);
  since_line_ = {};
  since_line_.phase = interval.phase;
}

void ProgressWriter::DrawPanel(const Interval& interval) {
  if (interval.seconds > 0) {
    panel_.rates.push_back(static_cast<double>(interval.stats.ops_acked) / interval.seconds);
  }
  if (panel_.rates.size() > kRatesMax) panel_.rates.erase(panel_.rates.begin());
  panel_.errors += interval.stats.ErrorCount();
  panel_.refused += interval.stats.ops_refused;
  panel_.closes += interval.stats.closes;
  panel_.reconnects += interval.stats.reconnects;
  panel_.last = interval;
  const std::vector<std::string> lines = RenderPanel(panel_, options_.columns);
  std::string text;
  if (drawn_) text = "\x1b[" + std::to_string(lines.size()) + "A";  // up to the first line
  for (const std::string& line : lines) text += "\r" + line + "\x1b[K\n";
  drawn_ = true;
  std::fputs(text.c_str(), options_.file);
}

std::string RenderProgress(const Interval& interval) {
  const RunStats& stats = interval.stats;
  const auto per_second = [&](uint64_t count) {
    return Grouped(interval.seconds > 0 ? static_cast<double>(count) / interval.seconds : 0);
  };
  std::string text = PadRight(interval.phase, 8) + PadLeft(Fixed(interval.phase_s, 0), 4) + " s" +
                     PadLeft(per_second(stats.ops_acked), 10) + " ops/s" +
                     PadLeft(per_second(stats.frames_sent), 8) + " frames/s  p50 " +
                     PadLeft(Millis(stats.ack_latency.Percentile(50)), 8) + "  p99 " +
                     PadLeft(Millis(stats.ack_latency.Percentile(99)), 8) + " ms  unacked" +
                     PadLeft(Grouped(interval.unacked_ops), 9);
  if (stats.propagation.count() > 0) {
    text += "  propagation p99 " + Millis(stats.propagation.Percentile(99)) + " ms";
  }
  if (stats.ErrorCount() > 0) text += "  errors " + Grouped(stats.ErrorCount());
  if (stats.ops_refused > 0) text += "  refused " + Grouped(stats.ops_refused);
  if (stats.closes > 0) text += "  closes " + Grouped(stats.closes);
  if (stats.reconnects > 0) text += "  reconnects " + Grouped(stats.reconnects);
  if (interval.kill_runs > 0) text += "  kill-cmd " + Grouped(interval.kill_runs);
  return text + "\n";
}

}  // namespace topgun::loadgen
