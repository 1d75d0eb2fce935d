#include "ws/session.h"

#include <array>

namespace topgun::gateway {

std::string_view Name(CloseCause cause) {
  constexpr std::array<std::string_view, kCloseCauseCount> kNames = {
      "peer",     "auth_failed", "auth_timeout", "idle",    "slow_consumer",
      "overload", "shutdown",    "aged",         "operator"};
  return kNames[static_cast<size_t>(cause)];
}

}  // namespace topgun::gateway
