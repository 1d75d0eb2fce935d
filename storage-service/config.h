// Settings of topgun-storage. Filled once by main; a value afterwards: a reload fills another one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.h"
#include "redis/security.h"
#include "redis/topology.h"
#include "rpc/credentials.h"
#include "shard/shard_context.h"
#include "tracing/settings.h"

namespace topgun::storage {

struct Config {
  std::string name;  // empty: host name and process id
  std::string grpc = "127.0.0.1:9001";
  std::string advertise;  // empty: as grpc
  std::string admin = "127.0.0.1:9101";
  std::string log_level = "info";
  bool debug_endpoints = false;
  config::ParseResult parsed;  // as they were read

  tracing::Options tracing;

  redis::Topology redis{.addresses = {"127.0.0.1:6379"}};
  std::string redis_prefix = "tg";
  redis::Security redis_security;
  rpc::TlsOptions grpc_tls;
  std::string postgres;
  std::string postgres_password;
  std::string postgres_password_file;  // read again at every connect
  int postgres_connections = 2;

  uint32_t shards = 16;
  int64_t lease_ms = 3000;
  int64_t drain_ms = 10000;
  int64_t flush_interval_ms = 1000;
  int64_t awaited_flush_interval_ms = 50;
  int64_t watch_window_ms = 15000;
  ShardLimits limits;  // its durations are set from the ones above

  std::vector<std::string> allow_plaintext;  // hops, see config/plaintext.h

  bool print_metrics_doc = false;
};

// Sets `config` from flags and environment.
config::ParseResult ParseConfig(int argc, const char* const* argv, Config* config);

// What ParseConfig() would read now, for a reload; its result is in `parsed`. Prints nothing.
Config ParseConfigAgain(const Config& running);

}  // namespace topgun::storage
