// What a connection has sent and received, headers included, before encryption. Plain data.
#pragma once

#include <cstdint>

namespace topgun::loadgen {

struct Traffic {
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
};

}  // namespace topgun::loadgen
