// How large the values of a run are. Values; pure.
//
//   fixed:200            all of them
//   uniform:100-1000     every size in the range equally often
//   lognormal:300:1.2    half of them below the median, a few much larger (sigma of the logarithm)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace topgun::loadgen {

struct ValueSize {
  enum class Kind : uint8_t { kFixed, kUniform, kLognormal };

  static constexpr size_t kBytesMin = 64;  // identity and time need room
  static constexpr size_t kBytesMax = size_t{1} << 20;

  Kind kind = Kind::kFixed;
  size_t bytes = 200;      // kFixed; the smallest size of kUniform; the median of kLognormal
  size_t bytes_max = 200;  // kUniform
  double sigma = 0;        // kLognormal

  static ValueSize Fixed(size_t bytes);

  // The size that a share of `p` of all values, 0 < p < 1, does not exceed; within the limits.
  size_t Quantile(double p) const;
  // As it is given on the command line.
  std::string Text() const;

  friend bool operator==(const ValueSize&, const ValueSize&) = default;
};

// A bare number is a fixed size.
StatusOr<ValueSize> ParseValueSize(const std::string& text);

}  // namespace topgun::loadgen
