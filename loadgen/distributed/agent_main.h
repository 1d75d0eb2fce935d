// `topgun-loadgen agent`: waits for runs of a coordinator.
#pragma once

#include <string>
#include <vector>

namespace topgun::loadgen {

// `arguments`: those after the word "agent". Returns the exit code; ends by SIGTERM or SIGINT, or
// after one run with --once.
int AgentMain(const std::vector<std::string>& arguments);

}  // namespace topgun::loadgen
