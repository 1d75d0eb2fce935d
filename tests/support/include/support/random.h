// Reproducible randomness for property tests.
//
// A test takes its seed from TestSeed(), which prints it; `TOPGUN_SEED=<number>` in the environment
// repeats a run. Random gives the same numbers on every platform. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace topgun::support {

// The seed of this process: TOPGUN_SEED if set, else a fresh one. Printed on the first call.
uint64_t TestSeed();

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint64_t Next() { return engine_(); }
  // 0 <= result < limit. The bias of the remainder is of no consequence here.
  uint64_t Below(uint64_t limit) { return engine_() % limit; }
  int64_t Between(int64_t low, int64_t high) {  // both included
    return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
  }
  bool OneIn(uint64_t chances) { return Below(chances) == 0; }

  template <typename T>
  const T& Pick(const std::vector<T>& items) {
    return items[Below(items.size())];
  }
  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace topgun::support
