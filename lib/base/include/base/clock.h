// Wall-clock time as a dependency, so that tests decide what time it is.
#pragma once

#include <chrono>
#include <cstdint>

namespace topgun {

// Milliseconds since the Unix epoch. Implementations are callable from any thread.
class WallClock {
 public:
  virtual ~WallClock() = default;
  virtual int64_t NowMs() const = 0;
};

class SystemClock final : public WallClock {
 public:
  int64_t NowMs() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace topgun
