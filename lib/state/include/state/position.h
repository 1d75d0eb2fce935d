// Position in a shard's feed (docs/state-layout.md). Value; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::state {

struct Position {
  uint64_t incarnation = 0;
  uint64_t n = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

// "<incarnation>-<n>", also the id of the feed entry.
std::string ToString(const Position& position);
std::optional<Position> ParsePosition(std::string_view text);

}  // namespace topgun::state
