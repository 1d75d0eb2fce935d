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
        "--keys=200"},
       ScenarioKind::kLoad},
      {"write", "full load", {}, ScenarioKind::kLoad},
      {"offline-rejoin",
       "clients that are away for 5 s of every 15 s and send what they wrote, verified",
       {"--connections=50", "--batch=10", "--rate=2k", "--maps=4", "--map-type=mixed",
        "--offline=5s/15s", "--verify=acks", "--duration=30s", "--warmup=0s", "--keys=500"},
       ScenarioKind::kLoad},
      {"merkle-current",
       "clients that are up to date sync a map",
       {"--lack=nothing", "--connections=1", "--keys=100k", "--maps=1", "--syncs=500"},
       ScenarioKind::kMerkle},
      {"merkle-delta",
       "clients that lack --behind keys sync a map",
       {"--lack=some", "--connections=1", "--keys=100k", "--maps=1", "--syncs=50"},
       ScenarioKind::kMerkle},
      {"merkle-cold",
       "clients that have nothing sync a map",
       {"--lack=everything", "--connections=1", "--keys=100k", "--maps=1", "--syncs=5"},
       ScenarioKind::kMerkle},
      {"idle",
       "10 000 connections that only keep their heartbeat",
       {"--connections=10000", "--conn-rate=1000", "--duration=30s"},
       ScenarioKind::kIdle},
      {"connect-storm",
       "clients that connect, authenticate, query and leave",
       {"--connections=100", "--maps=1", "--map-prefix=storm", "--duration=20s"},
       ScenarioKind::kStorm},
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
