// Time as the fleets count it. Private to this folder.
#pragma once

#include "driver/run_context.h"

namespace topgun::loadgen {

inline double SecondsSince(int64_t start_ns) {
  return static_cast<double>(NowNs() - start_ns) / 1e9;
}

}  // namespace topgun::loadgen
