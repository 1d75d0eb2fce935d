// Named presets: a scenario is a layer of options under those of the command line.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::loadgen {

class OptionParser;

struct Scenario {
  std::string name;
  std::string summary;
  std::vector<std::string> options;  // as on the command line
};

// In the order in which they are listed.
const std::vector<Scenario>& Scenarios();
// Null when there is none of this name.
const Scenario* FindScenario(const std::string& name);

void RegisterScenarioOptions(OptionParser& parser, std::string& name);

}  // namespace topgun::loadgen
