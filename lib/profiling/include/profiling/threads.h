// The threads of this process as the kernel lists them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace topgun::profiling {

std::vector<int> ThreadIds();
// Empty when it has ended.
std::string ThreadName(int thread);

}  // namespace topgun::profiling
