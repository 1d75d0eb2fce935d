// From a declared table and the arguments to a result: what Settings::Parse() and ParseAgain() do
// once the rows are there. Private to this library.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/settings.h"
#include "setting.h"

namespace topgun::config {

// All that a program has said about its settings.
struct Declarations {
  std::string program;
  std::string description;
  std::string env_prefix;
  Table table;
  std::vector<std::function<Status()>> checks;
};

// Sets the targets, obeys what asks for something else than running, prints what is wrong.
ParseResult ParseForMain(Declarations& declared, std::vector<std::string> arguments);
// Sets the targets and prints nothing.
ParseResult ParseForReload(Declarations& declared, const std::vector<std::string>& arguments);

}  // namespace topgun::config
