// What a node has counted of a PN counter: the value of its cell (docs/state-layout.md,
// "counters"). Value; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace topgun::state {

struct Counted {
  double positive = 0;
  double negative = 0;

  friend bool operator==(const Counted&, const Counted&) = default;
};

// MessagePack.
std::string EncodeCounted(const Counted& counted);
// Nothing for anything but two finite numbers that are not negative.
std::optional<Counted> DecodeCounted(std::string_view value);

// The larger number of each side.
Counted JoinOf(const Counted& a, const Counted& b);

}  // namespace topgun::state
