#include "app/sync_app.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "admin/admin_server.h"
#include "admin/drain_endpoint.h"
#include "control/endpoints.h"
#include "debug/debug_endpoints.h"
#include "hops/endpoint.h"
#include "logging/logging.h"
#include "rpc/server.h"
#include "rpc/tls_settings.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

// Gateways look at the health of their replicas ten times a second. One that knows no other replica
// does not leave.
constexpr std::chrono::milliseconds kMoveAway{500};
constexpr std::chrono::milliseconds kDrainPoll{20};
// Streams never end by themselves; whatever is unanswered then is sent again elsewhere.
constexpr std::chrono::milliseconds kGrpcGrace{500};

size_t LoopCount(const Config& config) {
  const size_t wanted =
      config.loops != 0 ? config.loops : std::max(1u, std::thread::hardware_concurrency() / 2);
  return std::min<size_t>(wanted, config.shards);
}

}  // namespace

SyncApp::SyncApp(Config config, metrics::Registry& registry)
    : config_(std::move(config)),
      credentials_(rpc::MakeCredentials(config_.grpc_tls)),
      registry_(registry),
      tls_reloader_(registry),
      spans_(config_.tracing, {.service = "topgun-sync", .instance = config_.name}, registry),
      probe_(registry, &recorder_, &spans_),
      redis_metrics_(registry, "sync"),
      drain_(config_.drain),
      log_level_(config_.log_level),
      reloader_(registry, config_.parsed.values, [this] { return PlanReload(); }) {
  if (!config_.without_storage()) MakeStorageResolver();
  const size_t count = LoopCount(config_);
  for (size_t i = 0; i < count; ++i) {
    loops_.push_back(std::make_unique<Loop>(config_, storage_services_.get(), credentials_, i,
                                            count, probe_, redis_metrics_));
  }
}

SyncApp::~SyncApp() = default;

control::Reloader::Plan SyncApp::PlanReload() {
  const auto fresh = std::make_shared<const Config>(ParseConfigAgain(config_));
  return {.parsed = fresh->parsed, .apply = [this, fresh] {
            // Whoever set another level through the admin port keeps it.
            if (std::exchange(log_level_, fresh->log_level) != fresh->log_level) {
              logging::SetLevel(*logging::ParseLevel(fresh->log_level));
            }
            drain_ = fresh->drain;
            Config limits = config_;
            limits.queue_bytes_max = fresh->queue_bytes_max;
            limits.unpersisted_bytes_max = fresh->unpersisted_bytes_max;
            for (auto& loop : loops_) loop->SetLimits(limits);
          }};
}

void SyncApp::MakeStorageResolver() {
  discovery::ResolverOptions options;
  options.service = "storage";
  options.every = config_.resolve_every;
  options.this_machine_only = !rpc::MayLeaveThisMachine(config_.grpc_tls, config_.allow_plaintext);
  storage_services_ = std::make_unique<discovery::Resolver>(
      options, discovery::MakeSources(config_.storage), registry_);
}

int SyncApp::Run(rpc::SignalWaiter& signals) {
  spans_.Start();
  if (storage_services_ != nullptr) storage_services_->Start();

  // Redis connections and shards.
  for (auto& loop : loops_) loop->Start();

  // The API that gateways use.
  ServiceOptions options;
  options.watch_bytes_max = config_.watch_bytes_max;
  options.volatile_storage = config_.without_storage();
  SyncService service(*this, probe_, options);
  rpc::ServerOptions server_options;
  server_options.listen = config_.grpc;
  server_options.credentials = credentials_;
  server_options.connection_age_max = config_.connection_age_max;
  server_options.spans = &spans_;
  rpc::Server server(server_options, registry_);
  server.AddService(&service);

  // Profiles and the log level, when they are wanted.
  debug::DebugEndpoints debug({.enabled = config_.debug_endpoints,
                               .program = "topgun-sync",
                               .settings = [this] { return reloader_.Shown(); }});

  // Probes and metrics.
  admin::AdminServer admin(config_.admin, registry_, [this] {
    if (stopping_ || draining_) {
      return admin::AdminServer::Readiness{
          false, "draining: " + std::to_string(LeftToDrain()) + " watched shards left\n"};
    }
    const uint32_t open = OpenShards();
    return admin::AdminServer::Readiness{
        open > 0,
        std::to_string(open) + " of " + std::to_string(config_.shards) + " shards open\n"};
  });

  admin::MountDrain(admin, {.unit = "watched shards",
                            .begin = [&] { return SetDraining(server, true); },
                            .cancel = [&] { return SetDraining(server, false); },
                            .draining = [this] { return stopping_ || draining_; },
                            .left = [this] { return LeftToDrain(); }});
  for (size_t i = 0; i < loops_.size(); ++i) {
    debug.AddSection(
        "loop-" + std::to_string(i),
        [loop = loops_[i].get()](debug::SectionDone done) { loop->ReadStatus(std::move(done)); });
  }
  debug.Mount(admin);
  control::MountControl(
      admin,
      {.program = "topgun-sync",
       .name = config_.name,
       .shown_settings = {"shards", "redis-prefix", "redis-replicas", "retention"}},
      reloader_);
  debug.Handle(admin, "/debug/hops", [this](const admin::Request& request) {
    hops::Answer answer = hops::Serve(recorder_, request.method, request.query);
    return admin::Response{answer.status, std::move(answer.body), std::move(answer.content_type)};
  });
  for (const Status& status : {WatchTlsFiles(), server.Start(), admin.Start()}) {
    if (status.ok()) continue;
    logging::Error("app", "cannot start", {{"reason", Message(status)}});
    return 1;
  }
  server.SetServing(!draining_);
  logging::Info("app", "started", {{"grpc_port", server.port()}, {"admin_port", admin.port()}});
  signals.Wait([this] { reloader_.Reload("SIGHUP"); });

  stopping_ = true;
  rpc::Drain drain(drain_.load());
  drain.Step("readiness", [&](auto) { server.SetServing(false); });
  drain.Step("gateways", [&](auto left) { AwaitDrained(std::min(left, kMoveAway)); });
  drain.Step("grpc", [&](auto left) { server.Shutdown(std::min(left, kGrpcGrace)); });
  drain.Step("loops", [&](auto) {
    for (auto& loop : loops_) loop->Stop();
  });
  drain.Step("traces", [&](std::chrono::milliseconds left) { spans_.Stop(left); });
  admin.Stop();
  if (storage_services_ != nullptr) storage_services_->Stop();
  return 0;
}

Status SyncApp::WatchTlsFiles() {
  RETURN_IF_ERROR(tls::WatchExpiry(tls_reloader_, "grpc", config_.grpc_tls.files));
  return tls::WatchExpiry(tls_reloader_, "redis", config_.redis_security.tls.files);
}

Status SyncApp::SetDraining(rpc::Server& server, bool draining) {
  if (stopping_) return FailedPrecondition("the process is being stopped");
  if (draining_.exchange(draining) == draining) return OkStatus();
  logging::Info("app", draining ? "draining on demand" : "drain cancelled");
  server.SetServing(!draining);
  return OkStatus();
}

uint64_t SyncApp::LeftToDrain() const {
  const uint64_t watched = probe_.watched_shards();
  return watched > 0 ? watched : probe_.queue_bytes() > 0 ? 1 : 0;
}

void SyncApp::AwaitDrained(std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (LeftToDrain() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kDrainPoll);
  }
}

uint32_t SyncApp::OpenShards() const {
  uint32_t open = 0;
  for (const auto& loop : loops_) open += loop->open_shards();
  return open;
}

bool SyncApp::Post(size_t loop, std::function<void()> task) {
  return loops_[loop]->PostTask(std::move(task));
}

Shard& SyncApp::ShardAt(uint32_t shard) { return loops_[LoopOf(shard)]->ShardAt(shard); }

ViewRegistry& SyncApp::ViewsOf(size_t loop) { return loops_[loop]->views(); }

LockTable& SyncApp::LocksOf(size_t loop) { return loops_[loop]->locks(); }

HeldAnswers& SyncApp::AnswersOf(size_t loop) { return loops_[loop]->answers(); }

std::set<Watcher*>& SyncApp::WatchersOf(size_t loop) { return loops_[loop]->watchers(); }

}  // namespace topgun::sync
