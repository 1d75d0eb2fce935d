// Which pieces of work are traced. Unpicked ones cost a decrement.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <mutex>
#include <random>

namespace topgun::tracing {

// Picks pieces at random, a given share of them: it draws how many are left out until the next one,
// so that no piece needs a random number of its own. One thread.
class RatioSampler {
 public:
  // 0: picks nothing, 1: everything.
  explicit RatioSampler(double ratio, uint64_t seed = std::random_device()());

  bool Due() {
    if (--left_ > 0) return false;
    return Refill();
  }

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  bool Refill();
  void Draw();

  const double ratio_;
  std::minstd_rand random_;
  int64_t left_ = kNever;
};

// Lets so many pieces through per second, and as many at once. Any thread.
class RateLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RateLimit(double per_second) : per_second_(per_second), tokens_(per_second) {}

  bool Allow(Time now);

 private:
  const double per_second_;
  std::mutex mutex_;
  double tokens_;
  Time filled_at_;
};

}  // namespace topgun::tracing
