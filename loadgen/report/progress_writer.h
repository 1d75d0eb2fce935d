// Shows a run while it goes on: a panel that redraws itself on a terminal, a line per `progress`
// elsewhere. Belongs to the thread that executes the run.
#pragma once

#include <chrono>
#include <cstdio>

#include "report/live_panel.h"

namespace topgun::loadgen {

class ProgressWriter final : public RunObserver {
 public:
  struct Options {
    std::FILE* file = stderr;
    bool panel = false;  // the file is a terminal that moves its cursor
    size_t columns = 80;
    std::chrono::milliseconds progress{1'000};
    double planned_rate = 0;
  };

  // A panel when stderr is a terminal.
  static Options ForStderr(std::chrono::milliseconds progress, double planned_rate);

  explicit ProgressWriter(Options options);

  void OnInterval(const Interval& interval) override;

 private:
  void DrawPanel(const Interval& interval);
  void PrintLine(const Interval& interval);

  const Options options_;
  PanelState panel_;
  bool drawn_ = false;
  Interval since_line_;  // what no line has told yet
};

// One line about an interval, with line break.
std::string RenderProgress(const Interval& interval);

}  // namespace topgun::loadgen
