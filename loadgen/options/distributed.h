// Several load generators that act as one.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::loadgen {

class OptionParser;

struct DistributedConfig {
  std::vector<std::string> agents;  // host:port; empty: this process drives the load itself
};

void RegisterDistributedOptions(OptionParser& parser, DistributedConfig& distributed);
Status FinishDistributed(DistributedConfig& distributed);

}  // namespace topgun::loadgen
