// Connections beside those that write.
#pragma once

#include <cstdint>

namespace topgun::loadgen {

class OptionParser;

struct ClientsConfig {
  uint32_t subscribers = 0;
};

void RegisterClientOptions(OptionParser& parser, ClientsConfig& clients);

}  // namespace topgun::loadgen
