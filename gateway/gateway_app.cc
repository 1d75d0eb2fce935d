#include "gateway_app.h"

#include <openssl/rand.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "admin/drain_endpoint.h"
#include "auth/jwt_verifier.h"
#include "control/endpoints.h"
#include "debug/process_info.h"
#include "hops/endpoint.h"
#include "logging/logging.h"
#include "operator_endpoints.h"
#include "part_options.h"
#include "rpc/shutdown.h"
#include "rpc/tls_settings.h"
#include "status_page/status_page.h"
#include "ws/connections_max.h"

namespace topgun::gateway {
namespace {

OriginPrefix RandomPrefix() {
  OriginPrefix prefix{};
  RAND_bytes(reinterpret_cast<unsigned char*>(prefix.data()), static_cast<int>(prefix.size()));
  return prefix;
}

// Beyond what the settings allow: for clients to answer the close frame.
constexpr std::chrono::milliseconds kDrainGrace{1'000};
constexpr std::chrono::milliseconds kConnectionsPoll{10};

}  // namespace

GatewayApp::GatewayApp(Config config, metrics::Registry& registry)
    : config_(std::move(config)),
      registry_(registry),
      login_(LoginOptionsOf(config_), clock_),
      tls_reloader_(registry),
      tls_probe_(registry),
      sync_services_({.service = "sync",
                      .every = config_.resolve_every,
                      .this_machine_only =
                          !rpc::MayLeaveThisMachine(config_.grpc_tls, config_.allow_plaintext)},
                     discovery::MakeSources(config_.sync), registry),
      spans_(config_.tracing, {.service = "topgun-gateway", .instance = config_.name}, registry),
      drain_delay_(config_.drain_delay),
      drain_window_(config_.drain_window),
      drain_patience_(config_.drain),
      reloader_(registry, config_.parsed.values, [this] { return PlanReload(); }),
      debug_({.enabled = config_.debug_endpoints, .program = "topgun-gateway", .settings = [this] {
                return reloader_.Shown();
              }}) {}

GatewayApp::~GatewayApp() { Stop(); }

Status GatewayApp::Start() {
  if (!config_.no_auth) {
    ASSIGN_OR_RETURN(auto verifier, VerifierOf(config_));
    verifier_ = std::make_unique<RotatingVerifier>(std::move(verifier));
  }
  RETURN_IF_ERROR(tls::WatchExpiry(tls_reloader_, "grpc", config_.grpc_tls.files));
  ShowConnectionsMax(registry_, config_.connections_max);
  spans_.Start();
  MakeLoops();
  ASSIGN_OR_RETURN(listener_, StartListener());
  admin_ = std::make_unique<admin::AdminServer>(config_.admin, registry_,
                                                [this] { return Readiness(); });
  for (size_t i = 0; i < loops_.size(); ++i) {
    debug_.AddSection(
        "loop-" + std::to_string(i),
        [loop = loops_[i].get()](debug::SectionDone done) { loop->ReadStatus(std::move(done)); });
  }
  debug_.Mount(*admin_);
  MountOperatorEndpoints(*admin_, loops_);
  MountStatusPage(*admin_, loops_);
  control::MountControl(
      *admin_,
      {.program = "topgun-gateway",
       .name = config_.name,
       .shown_settings = {"shards", "no-auth", "jwt-issuer", "jwt-audience", "membership"}},
      reloader_);
  admin::MountDrain(*admin_, {.unit = "connections",
                              .begin = [this] { return BeginDrain(); },
                              .cancel = [this] { return CancelDrain(); },
                              .draining = [this] { return stopping_ || draining_; },
                              .left = [this] { return Connections(); }});
  if (!config_.debug_endpoints) recorder_.set_every(0);  // nobody could ask
  debug_.Handle(*admin_, "/debug/hops", [this](const admin::Request& request) {
    hops::Answer answer = hops::Serve(recorder_, request.method, request.query);
    return admin::Response{answer.status, std::move(answer.body), std::move(answer.content_type)};
  });
  RETURN_IF_ERROR(admin_->Start());
  sync_services_.Start();
  for (const auto& loop : loops_) loop->Start(port());
  running_ = true;
  logging::Info("gateway", "started",
                {{"name", config_.name},
                 {"port", port()},
                 {"tls", !config_.tls.empty()},
                 {"loops", loops_.size()},
                 {"auth", verifier_ ? "jwt" : "none"}});
  return OkStatus();
}

StatusOr<std::unique_ptr<TokenVerifier>> GatewayApp::VerifierOf(const Config& config) const {
  if (config.jwt_secret.empty()) {
    return FailedPrecondition("no JWT_SECRET, and TOPGUN_NO_AUTH is not set: refusing to start");
  }
  return MakeJwtVerifier(
      {.secret = config.jwt_secret, .issuer = config.jwt_issuer, .audience = config.jwt_audience},
      clock_);
}

// What may fail is done here, so that applying cannot.
control::Reloader::Plan GatewayApp::PlanReload() {
  const auto fresh = std::make_shared<const Config>(ParseConfigAgain(config_));
  control::Reloader::Plan plan{.parsed = fresh->parsed, .apply = {}};
  std::shared_ptr<const TokenVerifier> verifier;
  if (plan.parsed.errors.empty() && verifier_ != nullptr) {
    StatusOr<std::unique_ptr<TokenVerifier>> made = VerifierOf(*fresh);
    if (made.ok()) {
      verifier = *std::move(made);
    } else {
      plan.parsed.errors.push_back("jwt-secret: " + std::string(Message(made.status())));
    }
  }
  plan.apply = [this, fresh, verifier] {
    if (verifier != nullptr) verifier_->Replace(verifier);
    login_.Change(LoginOptionsOf(*fresh));
    drain_delay_ = fresh->drain_delay;
    drain_window_ = fresh->drain_window;
    drain_patience_ = fresh->drain;
    listener_->SetLimits(ListenerLimitsOf(*fresh));
    ShowConnectionsMax(registry_, fresh->connections_max);
    const LoopLimits limits{.inflight_bytes_max = fresh->inflight_bytes_max,
                            .subscriptions_max = fresh->subscriptions_max,
                            .dispatch = DispatchOptionsOf(*fresh),
                            .settings = SettingsInfoOf(config_, *fresh)};
    for (const auto& loop : loops_) loop->SetLimits(limits);
  };
  return plan;
}

void GatewayApp::MakeLoops() {
  const size_t half = std::max(1U, std::thread::hardware_concurrency() / 2);
  const size_t count = config_.loops == 0 ? half : config_.loops;
  const OriginPrefix prefix = RandomPrefix();
  const rpc::Credentials credentials = rpc::MakeCredentials(config_.grpc_tls);
  const HttpServices services{.report = [this] { return Report(); },
                              .login = login_,
                              .login_limiter = login_limiter_,
                              .admin_limiter = admin_limiter_};
  for (size_t i = 0; i < count; ++i) {
    LoopOptions options = LoopOptionsOf(config_, credentials, prefix, i);
    options.report = [this] { return ReportNode(); };
    loops_.push_back(std::make_unique<Loop>(std::move(options), sync_services_, verifier_.get(),
                                            services, clock_, registry_, recorder_, spans_));
  }
}

NodeReport GatewayApp::ReportNode() const {
  return {.connections = Connections(), .memory_bytes = debug::ResidentBytes()};
}

uint64_t GatewayApp::Connections() const {
  ServerReport totals;
  loops_.front()->Report(totals);
  return totals.connections;
}

StatusOr<ListenerTls> GatewayApp::PrepareTls() {
  ListenerTls terms;
  terms.handshakes_max = config_.tls_handshakes_max;
  terms.handshake_timeout = config_.tls_handshake_timeout;
  terms.probe = &tls_probe_;
  if (PlainTextIsExposed(config_)) {
    logging::Warning("gateway",
                     "clients on other machines are served in plain text; set "
                     "tls-certificate-file, tls-in-front or allow-plaintext=clients");
  }
  if (config_.tls.empty()) return terms;
  const tls::ServerRules rules{.require_client_certificate = !config_.tls.ca.empty(),
                               .alpn = {"http/1.1"}};
  ASSIGN_OR_RETURN(terms.contexts,
                   tls::WatchServerContext(tls_reloader_, "clients", config_.tls, rules));
  return terms;
}

StatusOr<std::unique_ptr<Listener>> GatewayApp::StartListener() {
  ASSIGN_OR_RETURN(const ListenAddress address, ListenAddressOf(config_));
  ListenerOptions options;
  options.host = address.host;
  options.port = address.port;
  options.allowed_origins = config_.allowed_origins;
  options.tls_in_front = config_.tls_in_front;
  ASSIGN_OR_RETURN(options.tls, PrepareTls());
  options.limits = ListenerLimitsOf(config_);
  std::vector<Listener::Loop> loops;
  for (const auto& loop : loops_) loops.push_back(loop->for_listener());
  std::unique_ptr<Listener> listener = MakeListener(std::move(options), std::move(loops));
  RETURN_IF_ERROR(listener->Start());
  return listener;
}

// Once ready, a gateway stays ready while its sync services are away: its connections must not be
// cut, and its clients are told by 429 and revived later.
admin::AdminServer::Readiness GatewayApp::Readiness() {
  if (stopping_ || draining_) {
    return {.ready = false,
            .body = "draining: " + std::to_string(Connections()) + " connections left"};
  }
  const bool connected = std::all_of(loops_.begin(), loops_.end(),
                                     [](const auto& loop) { return loop->replicas_up() > 0; });
  if (connected) {
    was_ready_ = true;
    return {.ready = true, .body = "ready"};
  }
  if (was_ready_) return {.ready = true, .body = "degraded: no sync service is up"};
  return {.ready = false, .body = "no sync service is up yet"};
}

ServerReport GatewayApp::Report() {
  ServerReport report;
  loops_.front()->Report(report);
  report.uptime_seconds = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_)
          .count());
  report.state = stopping_ || draining_ ? ServerState::kDraining
                 : Readiness().ready    ? ServerState::kReady
                                        : ServerState::kStarting;
  return report;
}

Status GatewayApp::BeginDrain() {
  if (stopping_) return FailedPrecondition("the gateway is being stopped");
  if (draining_.exchange(true)) return OkStatus();
  logging::Info("gateway", "draining on demand", {{"connections", Connections()}});
  listener_->RefuseWebSockets(true);
  for (const auto& loop : loops_) loop->BeginDrain();
  return OkStatus();
}

Status GatewayApp::CancelDrain() {
  if (stopping_) return FailedPrecondition("the gateway is being stopped");
  if (!draining_.exchange(false)) return OkStatus();
  logging::Info("gateway", "drain cancelled", {{"connections", Connections()}});
  for (const auto& loop : loops_) loop->CancelDrain();
  listener_->RefuseWebSockets(false);
  return OkStatus();
}

void GatewayApp::AwaitNoConnections(std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (Connections() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kConnectionsPoll);
  }
}

int GatewayApp::Stop() {
  if (!running_) return 0;
  running_ = false;
  stopping_ = true;
  const std::chrono::milliseconds delay = drain_delay_;
  const DrainOptions options{.window = drain_window_.load(), .patience = drain_patience_.load()};
  rpc::Drain drain(delay + options.window + options.patience + kDrainGrace);
  if (delay.count() > 0) {
    drain.Step("delay", [&](auto) { std::this_thread::sleep_for(delay); });
  }
  drain.Step("connections", [&](std::chrono::milliseconds left) {
    listener_->RefuseWebSockets(true);
    for (const auto& loop : loops_) loop->End(options);
    AwaitNoConnections(left);
  });
  drain.Step("listener", [this](auto) { listener_->Stop(); });
  drain.Step("loops", [this](auto) {
    for (const auto& loop : loops_) loop->Join();
  });
  drain.Step("traces", [this](std::chrono::milliseconds left) { spans_.Stop(left); });
  drain.Step("admin", [this](auto) { admin_->Stop(); });
  drain.Step("resolver", [this](auto) { sync_services_.Stop(); });
  const bool owed = std::any_of(loops_.begin(), loops_.end(),
                                [](const auto& loop) { return loop->left_commits_owed(); });
  if (owed) {
    logging::Error("gateway", "writes that were acknowledged before their commit may be lost");
  }
  return owed ? 1 : 0;
}

}  // namespace topgun::gateway
