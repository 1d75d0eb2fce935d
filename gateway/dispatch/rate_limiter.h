// Token bucket of one connection (core.md 2.9). Time comes in as a parameter. Value.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace topgun::gateway {

class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  RateLimiter(double tokens_per_second, double burst, Time now)
      : tokens_per_second_(tokens_per_second), burst_(burst), tokens_(burst), last_(now) {}

  // From now on; what is saved up stays within the burst.
  void SetRate(double tokens_per_second, double burst) {
    tokens_per_second_ = tokens_per_second;
    burst_ = burst;
    tokens_ = std::min(tokens_, burst);
  }

  // A single cost is clamped to the burst, so that a large frame can pass a full bucket.
  bool Allow(uint64_t cost, Time now) {
    const double elapsed = std::chrono::duration<double>(now - last_).count();
    if (elapsed > 0) {
      tokens_ = std::min(burst_, tokens_ + elapsed * tokens_per_second_);
      last_ = now;
    }
    const double price = std::min(static_cast<double>(cost), burst_);
    if (tokens_ < price) return false;
    tokens_ -= price;
    return true;
  }

 private:
  double tokens_per_second_;
  double burst_;
  double tokens_;
  Time last_;
};

}  // namespace topgun::gateway
