#include "report/threshold.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include "report/measures.h"

namespace topgun::loadgen {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// What a number with this unit is worth in the unit of the figure; nothing when it does not fit.
std::optional<double> Factor(MeasureUnit unit, std::string_view suffix) {
  switch (unit) {
    case MeasureUnit::kTime:
      if (suffix == "us") return 1;
      if (suffix == "ms") return 1e3;
      if (suffix == "s") return 1e6;
      return std::nullopt;
    case MeasureUnit::kCpu:
      if (suffix.empty() || suffix == "us") return 1;
      return std::nullopt;
    case MeasureUnit::kRate:
    case MeasureUnit::kCount:
      if (suffix.empty()) return 1;
      if (suffix == "k" || suffix == "K") return 1e3;
      if (suffix == "m" || suffix == "M") return 1e6;
      return std::nullopt;
    case MeasureUnit::kShare:
      if (suffix.empty()) return 1;
      if (suffix == "%") return 0.01;
      break;
  }
  return std::nullopt;
}

const char* ExpectedUnit(MeasureUnit unit) {
  switch (unit) {
    case MeasureUnit::kTime:
      return "a time like 80ms (us, ms or s)";
    case MeasureUnit::kCpu:
      return "microseconds per op like 9us";
    case MeasureUnit::kRate:
      return "a rate like 50k";
    case MeasureUnit::kShare:
      return "a share like 0.1%";
    case MeasureUnit::kCount:
      break;
  }
  return "a number";
}

Status Complaint(const std::string& text, const std::string& why) {
  return InvalidArgument("'" + text + "': " + why);
}

}  // namespace

StatusOr<Threshold> ParseThreshold(const std::string& text) {
  const std::string_view all = text;
  const size_t sign = all.find_first_of("<>");
  if (sign == std::string_view::npos) {
    return Complaint(text, "expected NAME<LIMIT or NAME>LIMIT, for instance ack.p99<80ms");
  }
  const bool or_equal = sign + 1 < all.size() && all[sign + 1] == '=';
  Threshold threshold;
  threshold.text = text;
  threshold.name = Trim(all.substr(0, sign));
  using enum Threshold::Comparison;
  threshold.comparison = all[sign] == '<' ? (or_equal ? kLessOrEqual : kLess)
                                          : (or_equal ? kGreaterOrEqual : kGreater);
  const auto unit = UnitOfMeasure(threshold.name);
  if (!unit) {
    return Complaint(text, "unknown figure '" + threshold.name + "'; there are " + MeasureNames());
  }
  const std::string_view limit = Trim(all.substr(sign + (or_equal ? 2 : 1)));
  double value = 0;
  const char* const end = limit.data() + limit.size();
  const auto [suffix, error] = std::from_chars(limit.data(), end, value);
  const auto factor =
      error == std::errc() && std::isfinite(value)
          ? Factor(*unit, Trim(std::string_view(suffix, static_cast<size_t>(end - suffix))))
          : std::nullopt;
  if (!factor) {
    return Complaint(text, "the limit of " + threshold.name + " is " + ExpectedUnit(*unit) +
                               ", got '" + std::string(limit) + "'");
  }
  threshold.limit = value * *factor;
  return threshold;
}

ThresholdResult CheckThreshold(const Threshold& threshold, const RunReport& report) {
  ThresholdResult result;
  result.text = threshold.text;
  result.value = ValueOfMeasure(report, threshold.name);
  if (!result.value) {
    result.measured = "not measured";
    return result;
  }
  const MeasureUnit unit = UnitOfMeasure(threshold.name).value_or(MeasureUnit::kCount);
  result.measured = RenderMeasure(unit, *result.value);
  switch (threshold.comparison) {
    case Threshold::Comparison::kLess:
      result.passed = *result.value < threshold.limit;
      break;
    case Threshold::Comparison::kLessOrEqual:
      result.passed = *result.value <= threshold.limit;
      break;
    case Threshold::Comparison::kGreater:
      result.passed = *result.value > threshold.limit;
      break;
    case Threshold::Comparison::kGreaterOrEqual:
      result.passed = *result.value >= threshold.limit;
      break;
  }
  return result;
}

}  // namespace topgun::loadgen
