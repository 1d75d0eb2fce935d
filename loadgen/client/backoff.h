// How long the stock client waits before it connects again (core.md 2.8). One per client; not
// thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "workload/random.h"

namespace topgun::loadgen {

class Backoff {
 public:
  explicit Backoff(uint64_t seed) : random_(seed) {}

  // Twice as long each time, with jitter.
  std::chrono::milliseconds Next() {
    const double jitter = 0.5 + random_.Unit();
    const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(delay_ * jitter);
    delay_ = std::min(delay_ * 2, kMax);
    return delay;
  }
  // After a success.
  void Reset() { delay_ = kMin; }

 private:
  static constexpr std::chrono::milliseconds kMin{1'000};
  static constexpr std::chrono::milliseconds kMax{30'000};

  Random random_;
  std::chrono::milliseconds delay_ = kMin;
};

}  // namespace topgun::loadgen
