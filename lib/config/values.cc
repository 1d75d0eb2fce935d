#include "values.h"

#include <array>
#include <cmath>
#include <limits>

namespace topgun::config {
namespace {

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};

// Ascending: formatting takes the largest unit that divides the value.
constexpr std::array<Unit, 5> kDurationUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 4> kByteUnits = {
    {{"", 1}, {"KiB", uint64_t{1} << 10}, {"MiB", uint64_t{1} << 20}, {"GiB", uint64_t{1} << 30}}};

template <size_t N>
std::optional<uint64_t> ParseWithUnit(std::string_view text, const std::array<Unit, N>& units,
                                      uint64_t max) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = ParseInteger<uint64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.suffix != text.substr(digits)) continue;
    if (*number > max / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

template <size_t N>
std::string FormatWithUnit(uint64_t value, const std::array<Unit, N>& units) {
  const Unit* best = &units[0];
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) best = &unit;
  }
  return std::to_string(value / best->factor).append(best->suffix);
}

}  // namespace

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<double> ParseDouble(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> ParseList(std::string_view text) {
  std::vector<std::string> entries;
  if (Trim(text).empty()) return entries;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view entry = Trim(text.substr(begin, end - begin));
    if (entry.empty()) return std::nullopt;  // "a,,b" is more likely a slip than a wish
    entries.emplace_back(entry);
    begin = end + 1;
  }
  return entries;
}

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const auto value = ParseWithUnit(text, kDurationUnits, kMax);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(static_cast<int64_t>(*value));
}

std::optional<uint64_t> ParseBytes(std::string_view text) {
  return ParseWithUnit(text, kByteUnits, std::numeric_limits<uint64_t>::max());
}

std::string FormatDouble(double value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string FormatList(const std::vector<std::string>& entries) {
  std::string out;
  for (const std::string& entry : entries) {
    if (!out.empty()) out += ',';
    out += entry;
  }
  return out;
}

std::string FormatDuration(std::chrono::milliseconds value) {
  if (value.count() == 0) return "0";
  if (value.count() < 0) return std::to_string(value.count()) + "ms";
  return FormatWithUnit(static_cast<uint64_t>(value.count()), kDurationUnits);
}

std::string FormatBytes(uint64_t value) { return FormatWithUnit(value, kByteUnits); }

std::string MaskCredentials(std::string_view text) {
  std::string out;
  for (;;) {
    const size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return out.append(text);
    const size_t begin = scheme + 3;
    const size_t end = std::min(text.find_first_of("/?#, ", begin), text.size());
    const size_t at = text.substr(0, end).rfind('@');
    out.append(text.substr(0, begin));
    if (at != std::string_view::npos && at >= begin) {
      out.append("***").append(text.substr(at, end - at));
    } else {
      out.append(text.substr(begin, end - begin));
    }
    text.remove_prefix(end);
  }
}

}  // namespace topgun::config
