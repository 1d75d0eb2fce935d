// Something that is so for a while, again and again. Values.
#pragma once

#include <chrono>
#include <string>

#include "base/status.h"

namespace topgun::loadgen {

// For `away`, once every `every`; never when it is 0.
struct OfflinePlan {
  std::chrono::milliseconds away{0};
  std::chrono::milliseconds every{0};
};

// "5s/30s".
StatusOr<OfflinePlan> ParseOfflinePlan(const std::string& text);

}  // namespace topgun::loadgen
