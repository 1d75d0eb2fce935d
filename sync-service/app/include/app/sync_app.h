// Composition root of topgun-sync: builds everything in dependency order, runs until a signal,
// drains.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/loop.h"
#include "base/status.h"
#include "control/reloader.h"
#include "discovery/resolver.h"
#include "metrics/registry.h"
#include "redis/client_metrics.h"
#include "rpc/server.h"
#include "rpc/shutdown.h"
#include "service/loop_set.h"
#include "tls/reloader.h"
#include "tracing/recorder.h"

namespace topgun::sync {

class SyncApp final : private LoopSet {
 public:
  SyncApp(Config config, metrics::Registry& registry);
  ~SyncApp() override;

  // Returns the process' exit code after a graceful stop.
  int Run(rpc::SignalWaiter& signals);

 private:
  size_t loop_count() const override { return loops_.size(); }
  uint32_t shard_count() const override { return config_.shards; }
  bool Post(size_t loop, std::function<void()> task) override;
  Shard& ShardAt(uint32_t shard) override;
  ViewRegistry& ViewsOf(size_t loop) override;
  LockTable& LocksOf(size_t loop) override;
  HeldAnswers& AnswersOf(size_t loop) override;
  std::set<Watcher*>& WatchersOf(size_t loop) override;

  void MakeStorageResolver();
  Status WatchTlsFiles();
  uint32_t OpenShards() const;
  control::Reloader::Plan PlanReload();
  // Any thread. Gateways go to other replicas; those who have none stay and wait.
  Status SetDraining(rpc::Server& server, bool draining);
  // Shards that gateways still follow here, or one for what is in hand.
  uint64_t LeftToDrain() const;
  void AwaitDrained(std::chrono::milliseconds patience) const;

  const Config config_;
  const rpc::Credentials credentials_;
  metrics::Registry& registry_;
  tls::Reloader tls_reloader_;  // tells when certificates expire
  hops::Recorder recorder_;     // where sampled parts wait
  tracing::Recorder spans_;     // of traced parts and calls
  Probe probe_;
  redis::ClientMetrics redis_metrics_;
  std::unique_ptr<discovery::Resolver> storage_services_;  // where they are; null without Postgres
  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::chrono::milliseconds> drain_;
  std::string log_level_;  // of the settings; of reloads, one at a time
  control::Reloader reloader_;
};

}  // namespace topgun::sync
