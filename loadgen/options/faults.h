// What clients do that makes a server's life hard.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace topgun::loadgen {

class OptionParser;

enum class Resend : uint8_t {
  kDisjoint,  // a frame carries new operations only
  kFull,      // a frame carries everything unacknowledged, as the stock client sends it
};

// Away for `away`, once every `every`; never when it is 0.
struct OfflinePlan {
  std::chrono::milliseconds away{0};
  std::chrono::milliseconds every{0};
};

struct FaultsConfig {
  Resend resend = Resend::kDisjoint;
  double duplicate = 0;        // share of the frames that are sent twice
  double slow_readers = 0;     // share of the subscribers
  double half_open = 0;        // share of the connections, idle scenario
  double disconnect_rate = 0;  // connections broken per second
  OfflinePlan offline;
};

void RegisterFaultOptions(OptionParser& parser, FaultsConfig& faults);

// "5s/30s".
StatusOr<OfflinePlan> ParseOfflinePlan(const std::string& text);

}  // namespace topgun::loadgen
