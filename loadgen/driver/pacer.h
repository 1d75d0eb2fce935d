// The schedule of an open loop: frame k is due when the rate curve has come to its first operation,
// whatever happened to the frames before it. Pure arithmetic; not thread-safe.
#pragma once

#include <cmath>
#include <cstdint>

#include "workload/rate_curve.h"

namespace topgun::loadgen {

class Pacer {
 public:
  // The loop sleeps at least this long between looks at the schedule: waking up costs more than
  // sending, and the delay is part of the latency that is reported.
  static constexpr int64_t kSleepMinNs = 200'000;

  // Each frame carries `ops_per_frame` operations.
  Pacer(const RateCurve& curve, double ops_per_frame, int64_t start_ns)
      : curve_(curve), ops_per_frame_(ops_per_frame), start_ns_(start_ns) {
    Plan();
  }

  bool Due(int64_t now_ns) const { return next_ns_ <= now_ns; }
  // The planned time of the frame to send now, and its number.
  int64_t Take(uint64_t* number) {
    const int64_t planned_ns = next_ns_;
    *number = next_++;
    Plan();
    return planned_ns;
  }
  int64_t WakeUpNs(int64_t now_ns) const {
    return next_ns_ > now_ns + kSleepMinNs ? next_ns_ : now_ns + kSleepMinNs;
  }

 private:
  void Plan() {
    constexpr double kHorizonS = 1e9;  // what is never due is not due in thirty years
    const double due_s = curve_.TimeOf(ops_per_frame_ * static_cast<double>(next_));
    next_ns_ = start_ns_ + std::llround(std::fmin(due_s, kHorizonS) * 1e9);
  }

  const RateCurve curve_;
  const double ops_per_frame_;
  const int64_t start_ns_;
  uint64_t next_ = 0;
  int64_t next_ns_ = 0;
};

}  // namespace topgun::loadgen
