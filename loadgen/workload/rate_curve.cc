#include "workload/rate_curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace topgun::loadgen {

double RateCurve::RateAt(double seconds) const {
  if (seconds >= ramp_s) return to;
  return from + (to - from) * seconds / ramp_s;
}

double RateCurve::OpsUntil(double seconds) const {
  const double ramp = std::min(seconds, ramp_s);
  return (from + RateAt(ramp)) / 2 * ramp + to * (seconds - ramp);
}

double RateCurve::TimeOf(double ops) const {
  if (ops <= 0) return 0;
  const double ramp_ops = (from + to) / 2 * ramp_s;
  if (ops >= ramp_ops) {
    return to > 0 ? ramp_s + (ops - ramp_ops) / to : std::numeric_limits<double>::infinity();
  }
  // from * t + slope / 2 * t^2 = ops, in the form that does not cancel for small slopes.
  const double slope = (to - from) / ramp_s;
  return 2 * ops / (from + std::sqrt(std::max(0.0, from * from + 2 * slope * ops)));
}

}  // namespace topgun::loadgen
