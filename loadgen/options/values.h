// The texts of option values as people write them. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"

namespace topgun::loadgen {

// "50k", "1.5M", "200": a number with an optional decimal multiplier.
std::optional<double> ParseRate(const std::string& text);
// The same, whole.
std::optional<uint64_t> ParseCount(const std::string& text);
// "5%" or "0.05".
StatusOr<double> ParseShare(const std::string& text);
// "250ms", "30s", "5m".
std::optional<std::chrono::milliseconds> ParseDuration(const std::string& text);

// What the functions above read.
std::string RateText(double value);
std::string DurationText(std::chrono::milliseconds time);

}  // namespace topgun::loadgen
