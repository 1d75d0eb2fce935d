// How long an agent may give no sign of itself before it counts as lost. Agents tell each phase as
// it begins and their counts every second; while they connect and verify they are silent. Pure.
#pragma once

#include <chrono>
#include <string_view>

#include "config.h"

namespace topgun::loadgen {

struct Patience {
  std::chrono::milliseconds silence{30'000};
  std::chrono::milliseconds verification{600'000};  // reads all maps back

  // `phase`: what the agent has told last; empty: nothing yet.
  std::chrono::milliseconds For(std::string_view phase, const Config& config) const;
};

}  // namespace topgun::loadgen
