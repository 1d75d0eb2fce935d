#include "environment.h"

#include <unistd.h>

#include <algorithm>

#include "base/closest_name.h"

namespace topgun::config {
namespace {

// Several services share one environment and have names that are not that different: only what
// looks like a slip of the finger is taken for one.
constexpr size_t kSlips = 2;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "_PORT_" and a number: X_PORT_8080_TCP and what follows from it.
bool HasNumberedPort(std::string_view name) {
  constexpr std::string_view kPort = "_PORT_";
  for (size_t at = name.find(kPort); at != std::string_view::npos; at = name.find(kPort, at + 1)) {
    const size_t number = at + kPort.size();
    if (number < name.size() && IsDigit(name[number])) return true;
  }
  return false;
}

}  // namespace

bool IsServiceVariable(std::string_view name) {
  return name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT") ||
         name.find("_SERVICE_PORT_") != std::string_view::npos || HasNumberedPort(name);
}

UnknownVariables FindUnknownVariables(std::string_view prefix,
                                      const std::vector<std::string>& known) {
  UnknownVariables unknown;
  if (prefix.empty()) return unknown;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (!name.starts_with(prefix) || IsServiceVariable(name)) continue;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    // The prefix is no likeness.
    const size_t slips = std::min(kSlips, (name.size() - prefix.size()) / 3);
    const std::string closest = ClosestName(name, known, slips);
    if (closest.empty()) {
      unknown.names.emplace_back(name);
    } else {
      unknown.warnings.push_back(std::string(name) +
                                 " is no setting and has no effect; did you mean " + closest + "?");
    }
  }
  std::sort(unknown.warnings.begin(), unknown.warnings.end());
  std::sort(unknown.names.begin(), unknown.names.end());
  return unknown;
}

}  // namespace topgun::config
