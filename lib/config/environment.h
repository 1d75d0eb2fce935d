// The variables of the process beside those that settings read. Private to this library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace topgun::config {

// Whether Kubernetes may set a variable of this name in every container of a namespace, because
// one of its Services is called like that: topgun-gateway gives TOPGUN_GATEWAY_SERVICE_HOST,
// TOPGUN_GATEWAY_PORT, TOPGUN_GATEWAY_PORT_8080_TCP_ADDR and more.
bool IsServiceVariable(std::string_view name);

struct UnknownVariables {
  std::vector<std::string> warnings;  // misspelt, it seems: with the name that was meant
  std::vector<std::string> names;     // all others: probably another program's
};

// What the environment has with this prefix and is none of `known`, without service variables.
UnknownVariables FindUnknownVariables(std::string_view prefix,
                                      const std::vector<std::string>& known);

}  // namespace topgun::config
