// Composition root of topgun-gateway: every component in dependency order, and the order in which
// they start and stop (docs/drain.md). Owned by main; used on its thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "admin/admin_server.h"
#include "auth/admin_login.h"
#include "auth/rotating_verifier.h"
#include "auth/token_verifier.h"
#include "base/clock.h"
#include "base/status.h"
#include "config.h"
#include "control/reloader.h"
#include "debug/debug_endpoints.h"
#include "discovery/resolver.h"
#include "hops/recorder.h"
#include "http/address_limiter.h"
#include "http/server_report.h"
#include "loop.h"
#include "metrics/registry.h"
#include "tls/reloader.h"
#include "tracing/recorder.h"
#include "ws/listener.h"
#include "ws/tls_probe.h"

namespace topgun::gateway {

class GatewayApp {
 public:
  // `registry` outlives the app.
  GatewayApp(Config config, metrics::Registry& registry);
  ~GatewayApp();
  GatewayApp(const GatewayApp&) = delete;
  GatewayApp& operator=(const GatewayApp&) = delete;

  // Accepts connections when it returns OK.
  Status Start();
  uint16_t port() const { return listener_->port(); }
  control::Reloader& reloader() { return reloader_; }
  uint16_t admin_port() const { return admin_->port(); }
  // Readiness off, no new connections, acks in flight leave, connections close at the pace of the
  // settings. The exit code: 1 when writes that were acknowledged early may be lost.
  int Stop();

 private:
  StatusOr<std::unique_ptr<TokenVerifier>> VerifierOf(const Config& config) const;
  control::Reloader::Plan PlanReload();
  void MakeLoops();
  NodeReport ReportNode() const;
  StatusOr<ListenerTls> PrepareTls();
  StatusOr<std::unique_ptr<Listener>> StartListener();
  admin::AdminServer::Readiness Readiness();
  ServerReport Report();
  uint64_t Connections() const;
  // Any thread.
  Status BeginDrain();
  Status CancelDrain();
  void AwaitNoConnections(std::chrono::milliseconds patience) const;

  const Config config_;
  metrics::Registry& registry_;
  SystemClock clock_;
  std::unique_ptr<RotatingVerifier> verifier_;  // null in no-auth mode
  AdminLogin login_;
  AddressLimiter login_limiter_{kLoginLimits};
  AddressLimiter admin_limiter_{kAdminLimits};
  tls::Reloader tls_reloader_;                // keeps certificates up to date
  TlsProbe tls_probe_;                        // handshakes with clients
  hops::Recorder recorder_;                   // where sampled frames and parts wait
  discovery::Resolver sync_services_;         // where they are, for all loops
  tracing::Recorder spans_;                   // of what is traced
  std::vector<std::unique_ptr<Loop>> loops_;  // connections, dispatch, streams to the sync services
  std::unique_ptr<Listener> listener_;        // accepts on the first loop
  // Of a graceful stop; a reload changes them from any thread.
  std::atomic<std::chrono::milliseconds> drain_delay_;
  std::atomic<std::chrono::milliseconds> drain_window_;
  std::atomic<std::chrono::milliseconds> drain_patience_;
  control::Reloader reloader_;
  debug::DebugEndpoints debug_;
  std::unique_ptr<admin::AdminServer> admin_;  // last to start, first to say that we stop
  std::atomic<bool> stopping_{false};
  std::atomic<bool> draining_{false};  // on demand, or because we stop
  std::atomic<bool> was_ready_{false};
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  bool running_ = false;
};

}  // namespace topgun::gateway
