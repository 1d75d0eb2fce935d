// --script FILE: phases that run one after the other, as JSON.
//
//   [{"name": "fill", "ops": 100000, "preload": true},
//    {"name": "peak", "duration": "1m", "rate": "50k", "mix": "put=9,query=1"}]
//
// Apart from `name`, every member is an option of the command line without its dashes; true stands
// for a flag. They win over the command line, which all phases share.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::loadgen {

struct ScriptPhase {
  std::string name;
  std::vector<std::string> options;  // as on the command line
};

// Errors name the phase and the member.
StatusOr<std::vector<ScriptPhase>> ParseScript(const std::string& json);
StatusOr<std::vector<ScriptPhase>> ReadScript(const std::string& path);

}  // namespace topgun::loadgen
