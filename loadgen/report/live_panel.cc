#include "report/live_panel.h"

#include <algorithm>
#include <array>

#include "report/text.h"

namespace topgun::loadgen {
namespace {

constexpr size_t kBarWidth = 30;
constexpr size_t kLabelWidth = 12;

// Cuts after `columns` characters, not bytes: block characters have three bytes.
std::string Fit(const std::string& line, size_t columns) {
  size_t characters = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool continues = (static_cast<unsigned char>(line[i]) & 0xC0U) == 0x80U;
    if (!continues && characters++ == columns) return line.substr(0, i);
  }
  return line;
}

std::string PhaseLine(const Interval& last) {
  std::string line = PadRight(last.phase, kLabelWidth) + Fixed(last.phase_s, 0) + " s";
  if (last.left_s < 0) return line;
  const double whole = last.phase_s + last.left_s;
  const auto done = static_cast<size_t>(whole > 0 ? last.phase_s / whole * kBarWidth : 0);
  return line + "  [" + std::string(std::min(done, kBarWidth), '#') +
         std::string(kBarWidth - std::min(done, kBarWidth), '.') + "]  " + Fixed(last.left_s, 0) +
         " s left";
}

std::string Percentiles(const Histogram& histogram) {
  if (histogram.count() == 0) return "none yet";
  return "p50 " + Millis(histogram.Percentile(50)) + "  p99 " + Millis(histogram.Percentile(99)) +
         "  p99.9 " + Millis(histogram.Percentile(99.9)) + "  max " + Millis(histogram.max()) +
         " ms";
}

}  // namespace

std::string Sparkline(const std::vector<double>& values, size_t width) {
  static constexpr std::array kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const size_t count = std::min(values.size(), width);
  const auto first = values.end() - static_cast<std::ptrdiff_t>(count);
  const double top = count == 0 ? 0 : *std::max_element(first, values.end());
  std::string line;
  for (auto value = first; value != values.end(); ++value) {
    const double level = top > 0 ? *value / top * static_cast<double>(kBlocks.size() - 1) : 0;
    line += kBlocks[static_cast<size_t>(std::clamp(level, 0.0, 7.0))];
  }
  return line;
}

std::vector<std::string> RenderPanel(const PanelState& state, size_t columns) {
  const Interval& last = state.last;
  const auto rate = [&](uint64_t count) {
    return Grouped(last.seconds > 0 ? static_cast<double>(count) / last.seconds : 0);
  };
  std::string rate_line = PadRight("rate", kLabelWidth) + PadLeft(rate(last.stats.ops_acked), 9) +
                          " ops/s  " + rate(last.stats.frames_sent) + " frames/s";
  if (state.planned_rate > 0) rate_line += "  planned " + Grouped(state.planned_rate) + " ops/s";
  std::vector<std::string> lines = {
      PhaseLine(last),
      rate_line,
      PadRight("", kLabelWidth) + Sparkline(state.rates, columns - std::min(columns, kLabelWidth)),
      PadRight("in flight", kLabelWidth) + Grouped(last.unacked_ops) + " ops",
      PadRight("ack", kLabelWidth) + Percentiles(last.stats.ack_latency),
      PadRight("propagation", kLabelWidth) + Percentiles(last.stats.propagation),
      PadRight("trouble", kLabelWidth) + Grouped(state.errors) + " errors  " +
          Grouped(state.refused) + " refused  " + Grouped(state.closes) + " closes  " +
          Grouped(state.reconnects) + " reconnects"};
  for (std::string& line : lines) line = Fit(line, columns);
  return lines;
}

}  // namespace topgun::loadgen
