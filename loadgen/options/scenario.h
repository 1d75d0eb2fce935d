// Named presets: a scenario is a layer of options under those of the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::loadgen {

class OptionParser;

enum class ScenarioKind : uint8_t {
  kLoad,    // driver/run.h: connections that write
  kMerkle,  // merkle/merkle_run.h
  kIdle,    // fleet/idle_fleet.h
  kStorm,   // fleet/connect_storm.h
};

struct Scenario {
  std::string name;
  std::string summary;
  std::vector<std::string> options;  // as on the command line
  ScenarioKind kind = ScenarioKind::kLoad;
};

// In the order in which they are listed.
const std::vector<Scenario>& Scenarios();
// Null when there is none of this name.
const Scenario* FindScenario(const std::string& name);
// Name, summary and options of each, for --list-scenarios.
std::string RenderScenarios();

void RegisterScenarioOptions(OptionParser& parser, std::string& name, bool& list);

}  // namespace topgun::loadgen
