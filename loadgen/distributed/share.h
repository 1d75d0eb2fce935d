// The part of a run that one of several agents takes. Pure.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "config.h"

namespace topgun::loadgen {

// Whether the run can be shared out among so many agents.
Status CheckShareable(const Config& config, uint32_t agents);

// Connections, subscribers, maps, rate and --ops are shared out, so that the whole is what the
// command line says; agents have maps of their own (one at least, two when mixed), which is why
// each can verify what it wrote. Syncs and the share of half-open connections are per connection,
// so they stay as they are. Outputs are left to the coordinator, and so is --kill-cmd: whoever
// reaches an agent's port must not be able to run commands there.
void TakeShare(uint32_t index, uint32_t agents, Config* config);

}  // namespace topgun::loadgen
