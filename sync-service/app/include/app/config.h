// Settings of topgun-sync, with their defaults. Filled by ParseConfig(), then read-only: a reload
// fills another one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.h"
#include "logging/logging.h"
#include "redis/security.h"
#include "redis/topology.h"
#include "rpc/credentials.h"
#include "tracing/settings.h"

namespace topgun::sync {

struct Config {
  std::string name;
  std::string grpc = "127.0.0.1:9000";
  std::string admin = "127.0.0.1:9090";
  redis::Topology redis{.addresses = {"127.0.0.1:6379"}};
  redis::Security redis_security;
  rpc::TlsOptions grpc_tls;
  std::string redis_prefix = "tg";
  uint32_t redis_replicas = 0;
  std::vector<std::string> storage = {"127.0.0.1:9001"};
  std::chrono::milliseconds resolve_every{3'000};
  uint32_t shards = 16;
  uint32_t loops = 0;  // 0: by the number of cores
  uint32_t commit_cells_max = 500;
  uint64_t queue_bytes_max = uint64_t{256} << 20;
  uint64_t cache_bytes_max = uint64_t{256} << 20;
  uint64_t ring_bytes_max = uint64_t{64} << 20;
  uint64_t view_bytes_max = uint64_t{512} << 20;
  uint64_t unpersisted_bytes_max = uint64_t{1} << 30;
  uint64_t loser_bytes_max = uint64_t{16} << 20;
  uint64_t watch_bytes_max = uint64_t{16} << 20;
  std::chrono::milliseconds retention = std::chrono::hours(24 * 30);
  std::chrono::milliseconds view_idle{60'000};
  std::chrono::milliseconds feed_poll{25};
  std::chrono::milliseconds watch_window{15'000};
  std::chrono::milliseconds connection_age_max{0};
  std::chrono::milliseconds drain{10'000};
  tracing::Options tracing;
  std::string log_level = "info";
  std::vector<std::string> allow_plaintext;  // hops, see config/plaintext.h
  bool debug_endpoints = false;
  config::ParseResult parsed;  // as they were read
  bool print_metrics_doc = false;

  bool without_storage() const { return storage.size() == 1 && storage.front() == "null"; }
};

config::ParseResult ParseConfig(int argc, const char* const* argv, Config& config);

// What ParseConfig() would read now, for a reload; its result is in `parsed`. Prints nothing.
Config ParseConfigAgain(const Config& running);

}  // namespace topgun::sync
