// The schedule of an open loop: frame k is due at start + k * interval, whatever happened to the
// frames before it. Pure arithmetic; not thread-safe.
#pragma once

#include <cstdint>

namespace topgun::loadgen {

class Pacer {
 public:
  // The loop sleeps at least this long between looks at the schedule: waking up costs more than
  // sending, and the delay is part of the latency that is reported.
  static constexpr int64_t kSleepMinNs = 200'000;

  // One frame every `ops_per_frame` / `ops_per_second`.
  Pacer(double ops_per_second, uint32_t ops_per_frame, int64_t start_ns)
      : interval_ns_(1e9 * ops_per_frame / ops_per_second), start_ns_(start_ns) {}

  // When the next frame is due.
  int64_t NextNs() const {
    return start_ns_ + static_cast<int64_t>(interval_ns_ * static_cast<double>(next_));
  }
  bool Due(int64_t now_ns) const { return NextNs() <= now_ns; }
  // The planned time of the frame to send now, and its number.
  int64_t Take(uint64_t* number) {
    const int64_t planned_ns = NextNs();
    *number = next_++;
    return planned_ns;
  }
  int64_t WakeUpNs(int64_t now_ns) const {
    return NextNs() > now_ns + kSleepMinNs ? NextNs() : now_ns + kSleepMinNs;
  }

 private:
  const double interval_ns_;
  const int64_t start_ns_;
  uint64_t next_ = 0;
};

}  // namespace topgun::loadgen
