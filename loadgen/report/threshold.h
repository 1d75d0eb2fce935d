// --threshold 'ack.p99<80ms': a limit on a figure of the run that decides about the exit code.
//
// Grammar: NAME, one of < <= > >=, a number with an optional unit: us, ms, s for latencies, us for
// CPU per op, k or M for rates and counts, % for shares (a plain number is a share, too). Spaces
// are allowed around each part. The figures are in measures.h. Values; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::loadgen {

struct RunReport;

struct Threshold {
  enum class Comparison : uint8_t { kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

  std::string text;  // as given
  std::string name;
  Comparison comparison = Comparison::kLess;
  double limit = 0;  // in the unit of the figure
};

struct ThresholdResult {
  std::string text;
  std::string measured;  // for people; "not measured" when the run had no such figure
  std::optional<double> value;
  bool passed = false;
};

// The error names what is wrong; for an unknown figure it lists the known ones.
StatusOr<Threshold> ParseThreshold(const std::string& text);
// A figure that was not measured does not pass: a limit on it was meant to check something.
ThresholdResult CheckThreshold(const Threshold& threshold, const RunReport& report);

}  // namespace topgun::loadgen
