// A profile as values: stacks of addresses with numbers, and what the numbers mean. Values; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace topgun::profiling {

// What one value of a sample counts: {"cpu", "nanoseconds"}, {"inuse_space", "bytes"}.
struct ValueType {
  std::string type;
  std::string unit;
};

struct Sample {
  // The innermost function first. Callers are given by the call, not by where it returns to.
  std::vector<uint64_t> addresses;
  std::vector<int64_t> values;  // one for each type of the profile
  std::string thread = {};      // its name; empty: of no particular thread
};

struct Profile {
  std::vector<ValueType> types;
  ValueType period_type;  // what is sampled, every how many units of it
  int64_t period = 0;
  int64_t time_ns = 0;  // since 1970, when it began
  int64_t duration_ns = 0;
  std::vector<Sample> samples;
  std::vector<std::string> comments;
};

}  // namespace topgun::profiling
