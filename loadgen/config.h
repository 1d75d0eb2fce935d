// What a run does, as the command line says it. Read once by main, then shared read-only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/url.h"
#include "stats/process_cpu.h"
#include "wire/op.h"
#include "workload/key_picker.h"
#include "workload/key_space.h"
#include "workload/value_maker.h"

namespace topgun::loadgen {

enum class Resend : uint8_t {
  kDisjoint,  // a frame carries new operations only
  kFull,      // a frame carries everything unacknowledged, as the stock client sends it
};

enum class Verify : uint8_t { kNone, kAcks };

struct Config {
  std::string scenario = "write";

  // Target.
  std::vector<std::string> urls = {"ws://127.0.0.1:8080/ws"};
  std::vector<Endpoint> endpoints;  // of the urls
  std::string jwt_secret;
  std::string token;
  bool no_auth = false;
  uint32_t users = 100;
  std::chrono::milliseconds connect_timeout{15'000};

  // Load.
  uint32_t connections = 100;
  uint32_t batch = 100;
  uint32_t inflight = 5;
  double rate = 0;  // ops/s; 0: closed loop
  std::chrono::milliseconds duration{30'000};
  uint64_t ops = 0;  // 0: until the duration ends
  std::chrono::milliseconds warmup{3'000};
  std::chrono::milliseconds drain_timeout{30'000};
  Resend resend = Resend::kDisjoint;
  uint32_t subscribers = 0;
  std::optional<wire::WriteConcern> write_concern;
  uint32_t threads = 1;

  // Data.
  std::string map_prefix = "load";
  uint32_t maps = 10;
  MapType map_type = MapType::kLww;
  uint64_t keys = 1000;
  KeyDistribution key_distribution = KeyDistribution::kUniform;
  double zipf_theta = 0.99;
  double remove_ratio = 0;
  size_t value_bytes = 200;
  ValueKind value_kind = ValueKind::kJson;
  uint64_t seed = 1;

  // Checks.
  Verify verify = Verify::kNone;
  uint64_t inject_loss = 0;

  // Output.
  std::chrono::milliseconds progress{1'000};
  bool quiet = false;
  std::string json_path;
  std::vector<NamedProcess> processes;

  bool open_loop() const { return rate > 0; }
};

struct ParsedConfig {
  std::optional<Config> config;  // nothing: print `text` and exit
  int exit_code = 0;
  std::string text;
};

ParsedConfig ParseConfig(int argc, const char* const* argv);

// "50k", "1.5M", "200": a number with an optional decimal multiplier.
std::optional<double> ParseRate(const std::string& text);
// "250ms", "30s", "5m".
std::optional<std::chrono::milliseconds> ParseDuration(const std::string& text);

}  // namespace topgun::loadgen
