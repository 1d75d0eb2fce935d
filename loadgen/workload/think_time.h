// How long a client of a closed loop waits between an answer and its next question. Values; pure.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "workload/random.h"

namespace topgun::loadgen {

struct ThinkTime {
  enum class Kind : uint8_t { kNone, kFixed, kExponential };

  Kind kind = Kind::kNone;
  int64_t mean_ns = 0;

  int64_t Sample(Random& random) const {
    if (kind != Kind::kExponential) return mean_ns;
    return static_cast<int64_t>(-std::log(1.0 - random.Unit()) * static_cast<double>(mean_ns));
  }
  // As it is given on the command line; "none" without.
  std::string Text() const;
};

// "fixed:20ms" or "exp:20ms".
StatusOr<ThinkTime> ParseThinkTime(const std::string& text);

}  // namespace topgun::loadgen
