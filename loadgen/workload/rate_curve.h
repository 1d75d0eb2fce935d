// The rate of an open loop over time: constant, or a straight line from one rate to another and
// constant from there on. Values; pure.
#pragma once

#include <cstdint>

namespace topgun::loadgen {

struct RateCurve {
  double from = 0;  // ops/s at the start
  double to = 0;    // ops/s from `ramp_s` on
  double ramp_s = 0;

  static RateCurve Constant(double rate) { return {rate, rate, 0}; }

  // The rates of a part of the load.
  RateCurve Times(double share) const { return {from * share, to * share, ramp_s}; }
  double RateAt(double seconds) const;
  // When, in seconds from the start, `ops` operations are due; infinite if they never are.
  double TimeOf(double ops) const;
  // Operations due in the first `seconds`.
  double OpsUntil(double seconds) const;
};

}  // namespace topgun::loadgen
