// How much is written and when: connections, frames, the model of arrival, the lengths.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "wire/op.h"
#include "workload/rate_curve.h"
#include "workload/think_time.h"

namespace topgun::loadgen {

class OptionParser;

enum class LoadMode : uint8_t {
  kByRate,  // open when there is a rate, else closed
  kOpen,
  kClosed,
};

struct LoadConfig {
  LoadMode mode = LoadMode::kByRate;
  uint32_t connections = 100;
  uint32_t batch = 100;
  uint32_t inflight = 5;
  double rate = 0;                // ops/s, with a ramp its mean; 0: closed loop
  std::optional<RateCurve> ramp;  // instead of a constant rate
  ThinkTime think;                // closed loop
  std::chrono::milliseconds duration{30'000};
  uint64_t ops = 0;  // 0: until the duration ends
  std::chrono::milliseconds warmup{3'000};
  std::chrono::milliseconds cooldown{0};
  std::chrono::milliseconds drain_timeout{30'000};
  std::optional<wire::WriteConcern> write_concern;
  uint32_t threads = 1;
  std::vector<std::string> pin;  // CPU numbers
  std::vector<uint32_t> cpus;    // of `pin`; threads take them in turn, empty: anywhere

  bool open_loop() const { return rate > 0; }
  RateCurve curve() const { return ramp.value_or(RateCurve::Constant(rate)); }
};

void RegisterLoadOptions(OptionParser& parser, LoadConfig& load);
Status FinishLoad(LoadConfig& load);

// "0:60s:50k": from no load to 50 000 ops/s within a minute.
StatusOr<RateCurve> ParseRamp(const std::string& text);

}  // namespace topgun::loadgen
