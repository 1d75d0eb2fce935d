// The panel that a run shows on a terminal while it goes on. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "stats/interval.h"

namespace topgun::loadgen {

struct PanelState {
  Interval last;
  std::vector<double> rates;  // acknowledged ops/s of the intervals so far, oldest first
  double planned_rate = 0;    // ops/s; 0: closed loop
  // Since the start of the run.
  uint64_t errors = 0;
  uint64_t refused = 0;
  uint64_t closes = 0;
  uint64_t reconnects = 0;
};

// The newest `width` values as block characters, scaled to the largest of them.
std::string Sparkline(const std::vector<double>& values, size_t width);

// The lines of the panel, always the same number of them, none wider than `columns`.
std::vector<std::string> RenderPanel(const PanelState& state, size_t columns);

}  // namespace topgun::loadgen
