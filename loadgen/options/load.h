// How much is written and when: connections, frames, the model of arrival, the lengths.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/status.h"
#include "wire/op.h"

namespace topgun::loadgen {

class OptionParser;

struct LoadConfig {
  uint32_t connections = 100;
  uint32_t batch = 100;
  uint32_t inflight = 5;
  double rate = 0;  // ops/s; 0: closed loop
  std::chrono::milliseconds duration{30'000};
  uint64_t ops = 0;  // 0: until the duration ends
  std::chrono::milliseconds warmup{3'000};
  std::chrono::milliseconds drain_timeout{30'000};
  std::optional<wire::WriteConcern> write_concern;
  uint32_t threads = 1;

  bool open_loop() const { return rate > 0; }
};

void RegisterLoadOptions(OptionParser& parser, LoadConfig& load);
Status FinishLoad(LoadConfig& load);

}  // namespace topgun::loadgen
