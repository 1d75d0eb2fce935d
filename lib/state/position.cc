#include "state/position.h"

#include <charconv>

namespace topgun::state {
namespace {

// Digits only: from_chars alone would stop silently in front of anything else.
std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

}  // namespace

std::string ToString(const Position& position) {
  return std::to_string(position.incarnation).append("-").append(std::to_string(position.n));
}

std::optional<Position> ParsePosition(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto incarnation = ParseNumber(text.substr(0, dash));
  const auto n = ParseNumber(text.substr(dash + 1));
  if (!incarnation || !n) return std::nullopt;
  return Position{*incarnation, *n};
}

}  // namespace topgun::state
