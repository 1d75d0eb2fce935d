#include "app/config.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "config/plaintext.h"
#include "config/program_config.h"
#include "discovery/source.h"
#include "redis/security_settings.h"
#include "redis/topology_settings.h"
#include "rpc/tls_settings.h"
#include "state/keys.h"

namespace topgun::sync {

namespace {

// Node ids of timestamps: only [a-z0-9-], so that every client orders them alike (core.md 3.2).
Status CheckName(const std::string& name) {
  const bool fine = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
  });
  return fine ? OkStatus() : InvalidArgument("--name: use lowercase letters, digits and '-'");
}

Status CheckGrpc(const Config& config) {
  std::vector<rpc::UsedAddress> used = {{"--grpc", config.grpc}};
  if (!config.without_storage()) {
    for (const std::string& address : config.storage) {
      // What a file names is checked when it is read.
      if (!discovery::NamesFile(address)) used.push_back({"--storage", address});
    }
  }
  return rpc::CheckTls(config.grpc_tls, used, config.allow_plaintext);
}

void AddLimits(config::Settings& settings, Config& config) {
  const std::string group = "Limits";
  settings.Add("commit-cells-max", &config.commit_cells_max,
               "Cells written by one commit script; more hurts tail latency",
               {.group = group, .min = 1, .max = 2000});
  settings.AddBytes("queue-bytes-max", &config.queue_bytes_max,
                    "Bytes of batches that may wait for their shards, in all; beyond, batches are "
                    "refused (retryable)",
                    {.group = group, .min = 1 << 20, .live = true});
  settings.AddBytes("cache-bytes-max", &config.cache_bytes_max, "Memory of the cell caches, in all",
                    {.group = group, .min = 1 << 20});
  settings.AddBytes("ring-bytes-max", &config.ring_bytes_max,
                    "Memory of the recent feed entries kept for watchers, in all",
                    {.group = group, .min = 1 << 16});
  settings.AddBytes("view-bytes-max", &config.view_bytes_max, "Memory of the map views, in all",
                    {.group = group, .min = 1 << 20});
  settings.AddBytes("loser-bytes-max", &config.loser_bytes_max,
                    "Memory of the record of writes that lost, in all",
                    {.group = group, .min = 1 << 16});
  settings.AddBytes("watch-bytes-max", &config.watch_bytes_max,
                    "Changes that may wait for one slow watcher before it is told of a gap",
                    {.group = group, .min = 1 << 16});
  settings.AddBytes("unpersisted-bytes-max", &config.unpersisted_bytes_max,
                    "Feed bytes per shard that may wait for Postgres before writes are refused "
                    "(retryable)",
                    {.group = group, .min = 1 << 20, .live = true});
}

void AddTimes(config::Settings& settings, Config& config) {
  const std::string group = "Times";
  settings.Add("retention", &config.retention,
               "How long removals and expired records are remembered; a client that was away for "
               "longer starts over with what the server has",
               {.group = group, .min = 1000});
  settings.Add("view-idle", &config.view_idle, "Map views not read for this long are dropped",
               {.group = group, .min = 1000});
  settings.Add("feed-poll", &config.feed_poll,
               "How often watched shards are compared with Redis, for commits of other replicas",
               {.group = group, .min = 5, .max = 1000});
  settings.Add("watch-window", &config.watch_window,
               "Without Postgres: how long feed entries are kept for watchers that resume",
               {.group = group, .min = 1000});
  settings.Add(
      "connection-age-max", &config.connection_age_max,
      "Age at which gRPC connections are closed so that clients find new replicas; 0: never",
      {.group = group});
  settings.Add("drain", &config.drain, "Longest time a graceful stop may take",
               {.group = group, .live = true});
}

void AddNetwork(config::Settings& settings, Config& config) {
  const std::string network = "Network";
  settings.Add("name", &config.name,
               "Name of this replica, part of the timestamps it makes; sync-<pid> when empty",
               {.group = network});
  settings.Add("grpc", &config.grpc, "Address of the gRPC server", {.group = network});
  settings.Add("admin", &config.admin, "Address of /metrics, /livez and /readyz",
               {.group = network});
  redis::AddTopologySettings(settings, network, &config.redis);
  settings.Add("redis-prefix", &config.redis_prefix, "Prefix of all keys in Redis",
               {.group = network, .min = 1, .max = 64});
  settings.Add(
      "redis-replicas", &config.redis_replicas,
      "Replicas of Redis that must confirm a write of concern REPLICATED; 0: none is asked, "
      "and no write is ever told to be replicated",
      {.group = network, .max = 16});
  settings.Add(
      "storage", &config.storage,
      "Storage services: host:port,... (each address of a name is one), or file:/path with "
      "one per line; 'null' runs without Postgres",
      {.group = network, .min = 1});
  settings.Add("resolve-every", &config.resolve_every,
               "How often the names of the storage services are resolved again, about; also soon "
               "after a call has failed, files when they change",
               {.group = network, .min = 100, .max = 300'000});
}

void AddSettings(config::Settings& settings, Config& config) {
  AddNetwork(settings, config);
  settings.Add("shards", &config.shards, "Number of shards, fixed when a cluster is created",
               {.group = "Cluster", .min = 1, .max = state::kShardCountMax});
  settings.Add("loops", &config.loops, "Event loops; 0: half of the cores",
               {.group = "Cluster", .max = 64});
  redis::AddSecuritySettings(settings, "Redis security", &config.redis_security);
  rpc::AddTlsSettings(settings, &config.grpc_tls);
  config::AddAllowPlaintext(settings, &config.allow_plaintext);
  AddLimits(settings, config);
  AddTimes(settings, config);
  tracing::AddExportSettings(settings, config.tracing);
  settings.Add(
      "log-level", &config.log_level, "Lowest level that is logged",
      {.group = "Logging", .allowed = {"debug", "info", "warning", "error"}, .live = true});
  settings.Add("debug-endpoints", &config.debug_endpoints,
               "Serve /debug/ on the admin port: profiles, threads, log level",
               {.group = "Logging"});
  settings.AddCommand("print-metrics-doc", &config.print_metrics_doc,
                      "Print the table of metrics and stop");
  settings.AddCheck([&config] { return CheckName(config.name); });
  settings.AddCheck([&config] {
    return config.without_storage() ? OkStatus()
                                    : discovery::CheckTargets("storage", config.storage);
  });
  settings.AddCheck([&config] { return CheckGrpc(config); });
  settings.AddCheck([&config] {
    return redis::CheckTopology(config.redis, config.redis_security, config.allow_plaintext);
  });
}

void NameDefaults(Config& config) {
  if (config.name.empty()) config.name = "sync-" + std::to_string(getpid());
}

constexpr config::Program<Config> kProgram = {
    "topgun-sync", "Merges CRDT writes against Redis and tells watchers what changed.", AddSettings,
    NameDefaults};

}  // namespace

config::ParseResult ParseConfig(int argc, const char* const* argv, Config& config) {
  return config::Read(kProgram, argc, argv, config);
}

Config ParseConfigAgain(const Config& running) { return config::ReadAgain(kProgram, running); }

}  // namespace topgun::sync
