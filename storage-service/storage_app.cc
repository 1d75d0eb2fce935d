#include "storage_app.h"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "admin/drain_endpoint.h"
#include "async/spawn.h"
#include "base/thread_name.h"
#include "control/endpoints.h"
#include "feed/cluster_feed_source.h"
#include "feed/redis_feed_source.h"
#include "hops/endpoint.h"
#include "pg/migrations.h"

namespace topgun::storage {
namespace {

constexpr std::chrono::milliseconds kBootRetry{200};
constexpr std::chrono::milliseconds kLagInterval{100};

// Worth another attempt; anything else will not get better by itself.
bool MayPass(const Status& status) {
  return status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kNotFound;
}

std::unique_ptr<FeedSource> MakeFeedSource(redis::Client& client, const Config& config) {
  if (config.redis.cluster) {
    return std::make_unique<ClusterFeedSource>(client, config.redis_prefix, config.shards);
  }
  return std::make_unique<RedisFeedSource>(client, config.redis_prefix, config.shards);
}

}  // namespace

StorageApp::StorageApp(const Config& config, metrics::Registry& registry)
    : config_(config),
      work_(io_.get_executor()),
      spans_(config.tracing, {.service = "topgun-storage", .instance = config.name}, registry),
      probe_(registry, &recorder_, &spans_),
      pool_(io_, PostgresOptions(), static_cast<size_t>(config.postgres_connections),
            PostgresEvents()),
      lease_pool_(io_, PostgresOptions(), 1, {}),
      redis_metrics_(registry, "storage"),
      commands_(io_, RedisOptions("commands"), RedisEvents(true), &redis_metrics_),
      reads_(io_, RedisOptions("feeds"), RedisEvents(false), &redis_metrics_),
      cells_(pool_, probe_),
      leases_(lease_pool_, config.name, config.advertise,
              std::chrono::milliseconds(config.lease_ms)),
      shards_(commands_, config.redis_prefix, config.shards),
      feeds_(MakeFeedSource(reads_, config)),
      context_{io_, shards_, cells_, probe_, clock_, config.name, config.limits},
      manager_(context_, leases_, *feeds_, std::chrono::milliseconds(config.lease_ms)),
      service_(io_, manager_, config.shards),
      server_({.listen = config.grpc,
               .credentials = rpc::MakeCredentials(config.grpc_tls),
               .spans = &spans_},
              registry),
      tls_reloader_(registry),
      drain_ms_(config.drain_ms),
      log_level_(config.log_level),
      reloader_(registry, config.parsed.values, [this] { return PlanReload(); }),
      debug_({.enabled = config.debug_endpoints,
              .program = "topgun-storage",
              .settings = [this] { return reloader_.Shown(); }}),
      admin_(config.admin, registry, [this] { return Readiness(); }) {}

int StorageApp::Run(rpc::SignalWaiter& signals) {
  spans_.Start();
  server_.AddService(&service_);
  debug_.AddSection("loop", [this](debug::SectionDone done) {
    boost::asio::post(io_, [this, done = std::move(done)] { done(StatusJson()); });
  });
  debug_.Mount(admin_);
  control::MountControl(admin_,
                        {.program = "topgun-storage",
                         .name = config_.name,
                         .shown_settings = {"shards", "redis-prefix"}},
                        reloader_);
  admin::MountDrain(admin_, {.unit = "shards",
                             .begin = [this] { return BeginStandDown(); },
                             .cancel = [this] { return CancelStandDown(); },
                             .draining = [this] { return draining_ || standing_down_; },
                             .left = [this] { return probe_.owned_shards(); }});
  debug_.Handle(admin_, "/debug/hops", [this](const admin::Request& request) {
    hops::Answer answer = hops::Serve(recorder_, request.method, request.query);
    return admin::Response{answer.status, std::move(answer.body), std::move(answer.content_type)};
  });
  for (const Status& started : {WatchTlsFiles(), admin_.Start(), server_.Start()}) {
    if (started.ok()) continue;
    logging::Error("app", "cannot start", {{"error", ToString(started)}});
    return 1;
  }
  loop_ = std::thread([this] {
    NameThread("loop");
    io_.run();
  });
  Spawn(io_, Boot());
  Spawn(io_, WatchLag());
  server_.SetServing(true);
  logging::Info(
      "app", "started",
      {{"name", config_.name}, {"grpc_port", server_.port()}, {"admin_port", admin_.port()}});
  signals.Wait([this] { reloader_.Reload("SIGHUP"); });
  Drain();
  return exit_code_;
}

Status StorageApp::WatchTlsFiles() {
  RETURN_IF_ERROR(tls::WatchExpiry(tls_reloader_, "grpc", config_.grpc_tls.files));
  return tls::WatchExpiry(tls_reloader_, "redis", config_.redis_security.tls.files);
}

awaitable<void> StorageApp::Boot() {
  pool_.Start();
  lease_pool_.Start();
  commands_.Start();
  reads_.Start();
  Signal pause(io_);
  for (const auto prepare : {&StorageApp::PreparePostgres, &StorageApp::PrepareRedis}) {
    Status prepared = co_await (this->*prepare)();
    while (!prepared.ok() && !draining_) {
      if (!MayPass(prepared)) {
        Stop(prepared);
        co_return;
      }
      co_await pause.Wait(kBootRetry);
      prepared = co_await (this->*prepare)();
    }
  }
  if (draining_) co_return;
  manager_.Start();
  ready_ = true;
  logging::Info("app", "ready");
}

// How late the loop comes to what is due.
awaitable<void> StorageApp::WatchLag() {
  boost::asio::steady_timer timer(io_);
  while (!draining_) {
    timer.expires_after(kLagInterval);
    co_await timer.async_wait(boost::asio::use_awaitable);
    const std::chrono::duration<double> late = std::chrono::steady_clock::now() - timer.expiry();
    probe_.LoopLag(late.count());
  }
}

awaitable<Status> StorageApp::PreparePostgres() {
  const Status migrated = co_await pg::ApplyMigrations(pool_);
  if (!migrated.ok()) co_return Annotate(migrated, "applying the migrations");
  co_return co_await pg::RegisterShards(pool_, config_.shards);
}

awaitable<Status> StorageApp::PrepareRedis() { co_return co_await shards_.CheckShardCount(); }

// After each connect: it may be another Redis than before.
awaitable<void> StorageApp::CheckRedis() {
  const Status checked = co_await shards_.CheckShardCount();
  if (checked.code() == StatusCode::kFailedPrecondition) Stop(checked);
}

void StorageApp::PostgresConnected() {
  postgres_up_ = true;
  cells_.ForgetMapIds();
  if (ready_) manager_.Retry();
}

void StorageApp::RedisConnected() {
  redis_up_ = commands_.connected();
  if (!ready_) return;
  Spawn(io_, CheckRedis());
  manager_.Retry();
}

void StorageApp::ConnectionLost(std::string_view store, const Status& reason) {
  uint64_t suppressed = 0;
  if (draining_ || !warn_limit_.Allow(&suppressed)) return;
  logging::Warning("app", "connection lost",
                   {{"store", store}, {"error", ToString(reason)}, {"suppressed", suppressed}});
}

void StorageApp::Stop(const Status& reason) {
  logging::Error("app", "cannot serve this cluster", {{"error", ToString(reason)}});
  exit_code_ = 1;
  rpc::SignalWaiter::RequestStop();
}

control::Reloader::Plan StorageApp::PlanReload() {
  const auto fresh = std::make_shared<const Config>(ParseConfigAgain(config_));
  return {.parsed = fresh->parsed, .apply = [this, fresh] {
            // Whoever set another level through the admin port keeps it.
            if (std::exchange(log_level_, fresh->log_level) != fresh->log_level) {
              logging::SetLevel(*logging::ParseLevel(fresh->log_level));
            }
            drain_ms_ = fresh->drain_ms;
            boost::asio::post(io_, [this, fresh] {
              // The window is what the shards have been opened with.
              ShardLimits limits = fresh->limits;
              limits.watch_window = config_.limits.watch_window;
              limits.watch_window_bytes = config_.limits.watch_window_bytes;
              context_.limits = limits;
            });
          }};
}

admin::AdminServer::Readiness StorageApp::Readiness() const {
  if (draining_ || standing_down_) return {false, "draining\n"};
  if (!ready_) return {false, "waiting for Postgres and Redis\n"};
  std::string body = redis_up_ && postgres_up_ ? "ok\n" : "degraded:";
  if (!redis_up_) body += " Redis is away;";
  if (!postgres_up_) body += " Postgres is away;";
  if (body.back() == ';') body.back() = '\n';
  return {true, body};
}

redis::ClientOptions StorageApp::RedisOptions(std::string_view purpose) const {
  redis::ClientOptions options{.topology = config_.redis};
  options.connection.security = config_.redis_security;
  options.connection.client_name = "topgun-storage-" + std::string(purpose);
  return options;
}

redis::ClientEvents StorageApp::RedisEvents(bool commands) {
  redis::ClientEvents events;
  if (commands) events.connected = [this] { RedisConnected(); };
  events.disconnected = [this, commands](const Status& reason) {
    if (commands) redis_up_ = false;
    ConnectionLost("redis", reason);
  };
  events.connect_failed = [this](const Status& reason) { ConnectionLost("redis", reason); };
  events.topology_unknown = [this](const Status& reason) {
    ConnectionLost("redis topology (redis-cluster, redis-sentinel)", reason);
  };
  return events;
}

pg::ConnectionOptions StorageApp::PostgresOptions() const {
  pg::ConnectionOptions options;
  options.conninfo = config_.postgres;
  options.password = config_.postgres_password;
  options.password_file = config_.postgres_password_file;
  return options;
}

pg::Pool::Events StorageApp::PostgresEvents() {
  return {.connected = [this] { PostgresConnected(); },
          .disconnected =
              [this](const Status& reason) {
                postgres_up_ = pool_.connected();
                probe_.PostgresReconnecting();
                ConnectionLost("postgres", reason);
              }};
}

}  // namespace topgun::storage
