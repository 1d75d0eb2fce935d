// Text to value and back for every type a setting can have. The text form is canonical:
// Format(Parse(text)) is what the documentation shows. Values; any thread.
#pragma once

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::config {

// Decimal digits with an optional minus sign; nothing before or after them.
template <std::integral T>
std::optional<T> ParseInteger(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

std::optional<double> ParseDouble(std::string_view text);  // finite only
std::optional<bool> ParseBool(std::string_view text);      // true/false, yes/no, on/off, 1/0
std::optional<std::vector<std::string>> ParseList(std::string_view text);
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);
std::optional<uint64_t> ParseBytes(std::string_view text);

std::string FormatDouble(double value);
std::string FormatList(const std::vector<std::string>& entries);
std::string FormatDuration(std::chrono::milliseconds value);  // 90000 ms is "90s"
std::string FormatBytes(uint64_t value);                      // 16777216 is "16MiB"

// Without the blanks at both ends.
std::string_view Trim(std::string_view text);

// "redis://:secret@host" becomes "redis://***@host": an address may be printed, a password not.
std::string MaskCredentials(std::string_view text);

}  // namespace topgun::config
