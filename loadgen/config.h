// What a run does, as the command line says it: one part for each group of options. Read once by
// main, then shared read-only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "options/clients.h"
#include "options/data.h"
#include "options/distributed.h"
#include "options/faults.h"
#include "options/load.h"
#include "options/merkle.h"
#include "options/output.h"
#include "options/plan.h"
#include "options/target.h"
#include "options/verify.h"

namespace topgun::loadgen {

struct Config {
  std::string scenario = "write";
  TargetConfig target;
  LoadConfig load;
  PlanConfig plan;
  DataConfig data;
  ClientsConfig clients;
  FaultsConfig faults;
  MerkleConfig merkle;
  VerifyConfig verify;
  OutputConfig output;
  DistributedConfig distributed;
};

// One of several runs in a row.
struct NamedConfig {
  std::string name;
  Config config;
  // What makes the config of the command line: options that win over it.
  std::vector<std::string> overrides;
};

struct ParsedConfig {
  std::optional<Config> config;     // nothing: print `text` and exit
  std::vector<NamedConfig> phases;  // with --script
  int exit_code = 0;
  std::string text;
};

ParsedConfig ParseConfig(int argc, const char* const* argv);

// The config of a single run, put together from a NamedConfig's overrides and the command line
// (without the program's name) that they belong to.
StatusOr<Config> ParseRun(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& overrides);

}  // namespace topgun::loadgen
