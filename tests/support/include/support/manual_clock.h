// Wall clock that stands still until a test moves it. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace topgun::support {

class ManualClock final : public WallClock {
 public:
  explicit ManualClock(int64_t now_ms = 0) : now_ms_(now_ms) {}

  int64_t NowMs() const override { return now_ms_.load(); }
  void Set(int64_t now_ms) { now_ms_.store(now_ms); }
  void Advance(int64_t delta_ms) { now_ms_.fetch_add(delta_ms); }

 private:
  std::atomic<int64_t> now_ms_;
};

}  // namespace topgun::support
