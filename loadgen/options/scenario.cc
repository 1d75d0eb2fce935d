#include "options/scenario.h"

#include <algorithm>

#include "options/option_parser.h"

namespace topgun::loadgen {
namespace {

std::string Names() {
  std::string names;
  for (const Scenario& scenario : Scenarios()) names += (names.empty() ? "" : "|") + scenario.name;
  return names;
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario> kScenarios = {
      {"smoke",
       "5 s of mixed writes, verified",
       {"--connections=10", "--batch=20", "--inflight=2", "--maps=4", "--map-type=mixed",
        "--remove-ratio=0.1", "--subscribers=2", "--verify=acks", "--duration=5s", "--warmup=0s",
        "--keys=200"}},
      {"write", "full load", {}},
  };
  return kScenarios;
}

const Scenario* FindScenario(const std::string& name) {
  const auto& all = Scenarios();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Scenario& scenario) { return scenario.name == name; });
  return found == all.end() ? nullptr : &*found;
}

void RegisterScenarioOptions(OptionParser& parser, std::string& name) {
  parser.BeginGroup("General");
  parser.Custom(
      "--scenario", Names(), name,
      [&name](const std::string& text) {
        if (FindScenario(text) == nullptr) {
          return InvalidArgument("unknown scenario " + text + "; there are " + Names());
        }
        name = text;
        return OkStatus();
      },
      "Preset of defaults. smoke: 5 s of mixed writes, verified. write: full load");
}

}  // namespace topgun::loadgen
