#include "config.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "config/plaintext.h"
#include "config/program_config.h"
#include "pg/conninfo.h"
#include "redis/security_settings.h"
#include "redis/topology_settings.h"
#include "rpc/tls_settings.h"
#include "state/keys.h"

namespace topgun::storage {
namespace {

std::string HostAndPid() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return std::string(host.data()) + "-" + std::to_string(getpid());
}

void AddProcess(config::Settings& settings, Config* config) {
  settings.Add("name", &config->name,
               "Name of this process, the same after a restart; default: host name and process id",
               {.group = "Process", .max = 200});
  settings.Add("grpc", &config->grpc, "Address of the gRPC server", {.group = "Process"});
  settings.Add("advertise", &config->advertise,
               "Address under which others reach the gRPC server; default: the same",
               {.group = "Process"});
  settings.Add("admin", &config->admin, "Address of /metrics, /livez and /readyz",
               {.group = "Process"});
  settings.Add(
      "log-level", &config->log_level, "Least important level that is logged",
      {.group = "Process", .allowed = {"debug", "info", "warning", "error"}, .live = true});
  settings.Add("debug-endpoints", &config->debug_endpoints,
               "Serve /debug/ on the admin port: profiles, threads, log level",
               {.group = "Process"});
  settings.Add("drain-ms", &config->drain_ms, "How long SIGTERM may take to flush and hand over",
               {.group = "Process", .min = 0, .max = 600'000, .live = true});
}

void AddStores(config::Settings& settings, Config* config) {
  redis::AddTopologySettings(settings, "Stores", &config->redis);
  settings.Add("redis-prefix", &config->redis_prefix, "First part of every key in Redis",
               {.group = "Stores", .min = 1, .max = 64});
  settings.Add("postgres", &config->postgres, "Connection string or URL of the database",
               {.group = "Stores", .required = true});
  settings.AddSecret(
      "postgres-password", &config->postgres_password, &config->postgres_password_file,
      "Password of Postgres; a file is read again at every connect", {.group = "Stores"});
  settings.Add("postgres-connections", &config->postgres_connections,
               "Connections for flushing and loading; leases use one more",
               {.group = "Stores", .min = 1, .max = 64});
  settings.Add("shards", &config->shards, "Shards of the cluster; fixed once it has been created",
               {.group = "Stores", .min = 1, .max = state::kShardCountMax});
}

void AddLimits(config::Settings& settings, Config* config) {
  ShardLimits& limits = config->limits;
  settings.Add("lease-ms", &config->lease_ms, "How long a dead process keeps its shards",
               {.group = "Limits", .min = 300, .max = 3'000});
  settings.Add("flush-interval-ms", &config->flush_interval_ms,
               "Least time between the flushes of a shard; the first after a pause is immediate",
               {.group = "Limits", .min = 0, .max = 10'000, .live = true});
  settings.Add("awaited-flush-interval-ms", &config->awaited_flush_interval_ms,
               "The same while writes of concern PERSISTED wait",
               {.group = "Limits", .min = 0, .max = 10'000, .live = true});
  settings.Add("flush-rows-max", &limits.flush_rows_max, "Rows of one flush, about",
               {.group = "Limits", .min = 1, .max = 100'000, .live = true});
  settings.AddBytes("flush-bytes-max", &limits.flush_bytes_max, "Bytes of one flush, about",
                    {.group = "Limits", .min = 64 << 10, .max = 256 << 20, .live = true});
  settings.AddBytes("read-bytes-max", &limits.read_bytes_max,
                    "Bytes read from the feeds and not yet in Postgres, about",
                    {.group = "Limits", .min = 1 << 20, .live = true});
  settings.Add("watch-window-ms", &config->watch_window_ms,
               "Age up to which entries stay in a feed for watchers that resume",
               {.group = "Limits", .min = 0, .max = 3'600'000});
  settings.AddBytes("watch-window-bytes", &limits.watch_window_bytes,
                    "Bytes up to which entries stay in a feed for watchers that resume",
                    {.group = "Limits"});
}

void AddSettings(config::Settings& settings, Config& config) {
  AddProcess(settings, &config);
  AddStores(settings, &config);
  redis::AddSecuritySettings(settings, "Redis security", &config.redis_security);
  rpc::AddTlsSettings(settings, &config.grpc_tls);
  config::AddAllowPlaintext(settings, &config.allow_plaintext);
  AddLimits(settings, &config);
  tracing::AddExportSettings(settings, config.tracing);
  settings.AddCommand("print-metrics-doc", &config.print_metrics_doc,
                      "Prints the table of metrics");
  settings.AddCheck(
      [&config] { return pg::CheckConninfo(config.postgres, config.allow_plaintext); });
  settings.AddCheck([&config] {
    return rpc::CheckTls(config.grpc_tls, {{"--grpc", config.grpc}}, config.allow_plaintext);
  });
  settings.AddCheck([&config] {
    return redis::CheckTopology(config.redis, config.redis_security, config.allow_plaintext);
  });
}

// What follows from what was read.
void Complete(Config& config) {
  config.limits.flush_interval = std::chrono::milliseconds(config.flush_interval_ms);
  config.limits.awaited_flush_interval = std::chrono::milliseconds(
      std::min(config.awaited_flush_interval_ms, config.flush_interval_ms));
  config.limits.watch_window = std::chrono::milliseconds(config.watch_window_ms);
  if (config.name.empty()) config.name = HostAndPid();
  if (config.advertise.empty()) config.advertise = config.grpc;
}

constexpr config::Program<Config> kProgram = {
    "topgun-storage", "Persists the feeds of the shards in Postgres.", AddSettings, Complete};

}  // namespace

config::ParseResult ParseConfig(int argc, const char* const* argv, Config* config) {
  return config::Read(kProgram, argc, argv, *config);
}

Config ParseConfigAgain(const Config& running) { return config::ReadAgain(kProgram, running); }

}  // namespace topgun::storage
