// The name that was probably meant. Pure.
#pragma once

#include <string>
#include <vector>

namespace topgun::loadgen {

// The one of `names` that is most like `given`; empty when none is near.
std::string ClosestName(const std::string& given, const std::vector<std::string>& names);

}  // namespace topgun::loadgen
