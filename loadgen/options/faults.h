// What clients do that makes a server's life hard.
#pragma once

#include <cstdint>

namespace topgun::loadgen {

class OptionParser;

enum class Resend : uint8_t {
  kDisjoint,  // a frame carries new operations only
  kFull,      // a frame carries everything unacknowledged, as the stock client sends it
};

struct FaultsConfig {
  Resend resend = Resend::kDisjoint;
};

void RegisterFaultOptions(OptionParser& parser, FaultsConfig& faults);

}  // namespace topgun::loadgen
