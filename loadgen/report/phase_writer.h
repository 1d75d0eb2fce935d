// The progress of a shared run whose clients do not write: a line per --progress on stderr. Belongs
// to the thread that executes the run.
#pragma once

#include <cstdio>
#include <string>

#include "config.h"
#include "stats/interval.h"

namespace topgun::loadgen {

class PhaseWriter final : public RunObserver {
 public:
  // Silent when the config says quiet.
  explicit PhaseWriter(const Config& config, std::FILE* file = stderr);

  void OnInterval(const Interval& interval) override;

 private:
  const std::string scenario_;
  const bool quiet_;
  const double progress_s_;
  std::FILE* const file_;
  Interval since_line_;
};

// "idle: measure, 12 s: 0 connects, 40 frames/s received, pong p99 0.41 ms".
std::string RenderPhase(const std::string& scenario, const Interval& interval);

}  // namespace topgun::loadgen
