#include "tracing/sampler.h"

#include <algorithm>
#include <cmath>

namespace topgun::tracing {

RatioSampler::RatioSampler(double ratio, uint64_t seed)
    : ratio_(std::clamp(ratio, 0.0, 1.0)),
      random_(static_cast<std::minstd_rand::result_type>(seed)) {
  Draw();
}

bool RatioSampler::Refill() {
  Draw();
  return ratio_ > 0;
}

// The distance to the next of independent picks has a geometric distribution.
void RatioSampler::Draw() {
  if (ratio_ <= 0) {
    left_ = kNever;
  } else if (ratio_ >= 1) {
    left_ = 1;
  } else {
    constexpr double kFarthest = 1e15;
    const double uniform = std::uniform_real_distribution<double>(0, 1)(random_);
    const double skipped = std::log1p(-uniform) / std::log1p(-ratio_);
    left_ = 1 + static_cast<int64_t>(std::min(skipped, kFarthest));
  }
}

bool RateLimit::Allow(Time now) {
  const std::lock_guard lock(mutex_);
  if (filled_at_ == Time()) filled_at_ = now;
  const std::chrono::duration<double> passed = now - filled_at_;
  if (passed.count() > 0) {
    tokens_ = std::min(per_second_, tokens_ + passed.count() * per_second_);
    filled_at_ = now;
  }
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace topgun::tracing
