#include "options/values.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace topgun::loadgen {

using std::chrono::milliseconds;

std::optional<double> ParseRate(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  const std::string_view suffix(unit, static_cast<size_t>(end - unit));
  if (suffix.empty()) return value;
  if (suffix == "k" || suffix == "K") return value * 1e3;
  if (suffix == "m" || suffix == "M") return value * 1e6;
  return std::nullopt;
}

std::optional<uint64_t> ParseCount(const std::string& text) {
  constexpr double kExactMax = 9e15;  // whole numbers of a double
  const auto value = ParseRate(text);
  if (!value || *value != std::floor(*value) || *value > kExactMax) return std::nullopt;
  return static_cast<uint64_t>(*value);
}

StatusOr<double> ParseShare(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, value);
  const std::string_view suffix(unit, static_cast<size_t>(end - unit));
  if (suffix == "%") value /= 100;
  if (error != std::errc() || (!suffix.empty() && suffix != "%") || !(value >= 0 && value <= 1)) {
    return InvalidArgument("expected a share like 5% or 0.05, got " + text);
  }
  return value;
}

std::optional<milliseconds> ParseDuration(const std::string& text) {
  constexpr double kMsMax = 1e12;  // thirty years
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  const std::string_view suffix(unit, static_cast<size_t>(end - unit));
  const double factor = suffix == "ms" ? 1 : suffix == "s" ? 1e3 : suffix == "m" ? 60e3 : 0;
  if (factor == 0 && value != 0) return std::nullopt;
  if (value * factor > kMsMax) return std::nullopt;
  return milliseconds(static_cast<int64_t>(value * factor));
}

std::string RateText(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

std::string DurationText(milliseconds time) {
  const int64_t ms = time.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

}  // namespace topgun::loadgen
