#include "workload/value_size.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace topgun::loadgen {
namespace {

constexpr double kSigmaMax = 10;

// Inverse of the normal distribution, by halving: it is asked for a few dozen times per run.
double NormalQuantile(double p) {
  double low = -40;
  double high = 40;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

Status ReadBytes(std::string_view text, size_t* bytes) {
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, *bytes);
  if (error != std::errc() || parsed != end) {
    return InvalidArgument("not a number of bytes: '" + std::string(text) + "'");
  }
  if (*bytes < ValueSize::kBytesMin || *bytes > ValueSize::kBytesMax) {
    return InvalidArgument("sizes are " + std::to_string(ValueSize::kBytesMin) + " to " +
                           std::to_string(ValueSize::kBytesMax) + " bytes, got " +
                           std::string(text));
  }
  return OkStatus();
}

Status ParseUniform(std::string_view range, ValueSize* size) {
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return InvalidArgument("expected uniform:SMALLEST-LARGEST");
  size->kind = ValueSize::Kind::kUniform;
  RETURN_IF_ERROR(ReadBytes(range.substr(0, dash), &size->bytes));
  RETURN_IF_ERROR(ReadBytes(range.substr(dash + 1), &size->bytes_max));
  if (size->bytes > size->bytes_max) return InvalidArgument("the smallest size is the larger one");
  return OkStatus();
}

Status ParseLognormal(std::string_view parameters, ValueSize* size) {
  const size_t colon = parameters.find(':');
  if (colon == std::string_view::npos) return InvalidArgument("expected lognormal:MEDIAN:SIGMA");
  size->kind = ValueSize::Kind::kLognormal;
  RETURN_IF_ERROR(ReadBytes(parameters.substr(0, colon), &size->bytes));
  const std::string_view sigma = parameters.substr(colon + 1);
  const char* const end = sigma.data() + sigma.size();
  const auto [parsed, error] = std::from_chars(sigma.data(), end, size->sigma);
  if (error != std::errc() || parsed != end || !(size->sigma > 0 && size->sigma <= kSigmaMax)) {
    return InvalidArgument("SIGMA must be above 0 and at most 10, got '" + std::string(sigma) +
                           "'");
  }
  return OkStatus();
}

}  // namespace

ValueSize ValueSize::Fixed(size_t bytes) {
  ValueSize size;
  size.bytes = bytes;
  size.bytes_max = bytes;
  return size;
}

size_t ValueSize::Quantile(double p) const {
  double wanted = static_cast<double>(bytes);
  if (kind == Kind::kUniform) {
    wanted += p * static_cast<double>(bytes_max - bytes);
  } else if (kind == Kind::kLognormal) {
    wanted *= std::exp(sigma * NormalQuantile(p));
  }
  const double bounded =
      std::clamp(wanted, static_cast<double>(kBytesMin), static_cast<double>(kBytesMax));
  return static_cast<size_t>(std::llround(bounded));
}

std::string ValueSize::Text() const {
  const std::string first = std::to_string(bytes);
  if (kind == Kind::kFixed) return "fixed:" + first;
  if (kind == Kind::kUniform) return "uniform:" + first + "-" + std::to_string(bytes_max);
  char number[32];
  std::snprintf(number, sizeof number, "%g", sigma);
  return "lognormal:" + first + ":" + number;
}

StatusOr<ValueSize> ParseValueSize(const std::string& text) {
  const std::string_view all = text;
  ValueSize size;
  if (all.starts_with("uniform:")) {
    RETURN_IF_ERROR(ParseUniform(all.substr(8), &size));
  } else if (all.starts_with("lognormal:")) {
    RETURN_IF_ERROR(ParseLognormal(all.substr(10), &size));
  } else {
    RETURN_IF_ERROR(ReadBytes(all.starts_with("fixed:") ? all.substr(6) : all, &size.bytes));
    size.bytes_max = size.bytes;
  }
  return size;
}

}  // namespace topgun::loadgen
