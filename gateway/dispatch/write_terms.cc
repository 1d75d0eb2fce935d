#include "dispatch/write_terms.h"

namespace topgun::gateway {

std::string TimeoutProblem(const std::optional<double>& timeout_ms) {
  if (!timeout_ms || (*timeout_ms >= static_cast<double>(kOpTimeoutMin.count()) &&
                      *timeout_ms <= static_cast<double>(kOpTimeoutMax.count()))) {
    return {};
  }
  return "timeout: must be " + std::to_string(kOpTimeoutMin.count()) + " to " +
         std::to_string(kOpTimeoutMax.count()) + " ms";
}

}  // namespace topgun::gateway
