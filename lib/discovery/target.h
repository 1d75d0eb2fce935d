// Taking a target apart. Private to this library.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "discovery/address.h"

namespace topgun::discovery {

struct Target {
  enum class Kind { kLiteral, kName, kFile };

  Kind kind = Kind::kLiteral;
  std::string host;  // without brackets; the path of kFile
  std::string port;  // digits
  // Of kLiteral.
  Address address;
};

// `what` names the place of a bad one: a setting, or a file and its line.
StatusOr<Target> ParseTarget(std::string_view what, std::string_view text);

// ip:port or [ip]:port.
std::string JoinAddress(std::string_view ip, std::string_view port);

}  // namespace topgun::discovery
