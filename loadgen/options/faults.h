// What makes a server's life hard: what clients do, the network, and a command of the user's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "options/offline_plan.h"
#include "options/proxy_faults.h"

namespace topgun::loadgen {

class OptionParser;
struct LoadConfig;
struct TargetConfig;

enum class Resend : uint8_t {
  kDisjoint,  // a frame carries new operations only
  kFull,      // a frame carries everything unacknowledged, as the stock client sends it
};

struct FaultsConfig {
  Resend resend = Resend::kDisjoint;
  double duplicate = 0;        // share of the frames that are sent twice
  double reorder = 0;          // share of the frames that leave behind the next one
  double slow_readers = 0;     // share of the subscribers
  double half_open = 0;        // share of the connections, idle scenario
  double disconnect_rate = 0;  // connections broken per second
  OfflinePlan offline;
  std::string kill_command;  // of the shell; empty: none
  std::chrono::milliseconds kill_every{0};
  std::vector<std::string> proxy_specs;
  ProxyFaults proxy;  // of the specs
};

void RegisterFaultOptions(OptionParser& parser, FaultsConfig& faults);
// Reads what the fault proxy shall do, and when the command runs. After FinishLoad().
Status FinishFaults(FaultsConfig& faults, const TargetConfig& target, const LoadConfig& load);
// Whether the command runs at all while so long is measured.
Status CheckKillTime(const FaultsConfig& faults, std::chrono::milliseconds duration);

}  // namespace topgun::loadgen
