// Connections beside those that write.
#pragma once

#include <cstdint>

namespace topgun::loadgen {

class OptionParser;

struct ClientsConfig {
  uint32_t subscribers = 0;
  double connect_rate = 0;  // connections begun per second; 0: at once
};

void RegisterClientOptions(OptionParser& parser, ClientsConfig& clients);

}  // namespace topgun::loadgen
