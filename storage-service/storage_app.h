// The composition root of topgun-storage: every component, in dependency order.
//
// Made and run by main. One thread, the loop, runs everything that touches Redis, Postgres or a
// shard; gRPC and the admin server bring their own and only hand over or read atomics.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "admin/admin_server.h"
#include "config.h"
#include "control/reloader.h"
#include "debug/debug_endpoints.h"
#include "feed/redis_shard_store.h"
#include "metrics/registry.h"
#include "pg/pg_cell_store.h"
#include "pg/pg_lease_store.h"
#include "pg/pool.h"
#include "redis/client.h"
#include "redis/client_metrics.h"
#include "rpc/server.h"
#include "rpc/shutdown.h"
#include "service/storage_service.h"
#include "shard/probe.h"
#include "shard/shard_manager.h"
#include "tls/reloader.h"
#include "tracing/recorder.h"

namespace topgun::storage {

class StorageApp {
 public:
  StorageApp(const Config& config, metrics::Registry& registry);
  StorageApp(const StorageApp&) = delete;
  StorageApp& operator=(const StorageApp&) = delete;

  // Until a signal, or until the settings turn out not to fit the cluster. The exit code: 1 also
  // when not everything in hand could be written to Postgres.
  int Run(rpc::SignalWaiter& signals);

 private:
  // On the loop.
  awaitable<void> Boot();
  awaitable<void> WatchLag();
  awaitable<Status> PreparePostgres();
  awaitable<Status> PrepareRedis();
  awaitable<void> CheckRedis();
  void PostgresConnected();
  void RedisConnected();
  void ConnectionLost(std::string_view store, const Status& reason);
  void Stop(const Status& reason);
  awaitable<void> StandDown();

  std::string StatusJson() const;
  Status WatchTlsFiles();

  // On the admin thread: shards are handed over, and taken again, while the process goes on.
  Status BeginStandDown();
  Status CancelStandDown();
  static void WarnOfDropped(uint64_t bytes);

  // On main's thread.
  void Drain();
  control::Reloader::Plan PlanReload();  // on whatever thread reloads
  void CloseConnections();
  admin::AdminServer::Readiness Readiness() const;
  redis::ClientOptions RedisOptions(std::string_view purpose) const;
  redis::ClientEvents RedisEvents(bool commands);
  pg::ConnectionOptions PostgresOptions() const;
  pg::Pool::Events PostgresEvents();

  const Config config_;
  const SystemClock clock_;
  std::atomic<bool> ready_{false};     // the schema is there and both stores have been seen
  std::atomic<bool> draining_{false};  // for good
  std::atomic<bool> standing_down_{false};
  std::atomic<bool> stood_down_{false};
  std::atomic<bool> redis_up_{false};
  std::atomic<bool> postgres_up_{false};
  std::atomic<int> exit_code_{0};
  logging::RateLimit warn_limit_{std::chrono::seconds(5)};

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;

  hops::Recorder recorder_;  // where flushes wait
  tracing::Recorder spans_;  // of flushes and calls that are traced
  Probe probe_;
  pg::Pool pool_;        // flushes, loads, migrations
  pg::Pool lease_pool_;  // heartbeats, one connection
  redis::ClientMetrics redis_metrics_;
  redis::Client commands_;
  redis::Client reads_;  // blocked in XREAD most of the time, or busy with large replies

  pg::PgCellStore cells_;
  pg::PgLeaseStore leases_;
  RedisShardStore shards_;
  std::unique_ptr<FeedSource> feeds_;
  ShardContext context_;
  ShardManager manager_;

  StorageService service_;
  rpc::Server server_;
  tls::Reloader tls_reloader_;  // tells when certificates expire
  std::atomic<int64_t> drain_ms_;
  std::string log_level_;  // of the settings; of reloads, one at a time
  control::Reloader reloader_;
  debug::DebugEndpoints debug_;
  admin::AdminServer admin_;
  std::thread loop_;
};

}  // namespace topgun::storage
