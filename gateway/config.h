// Settings of topgun-gateway, with their defaults. Filled by ParseConfig(), then read-only: a
// reload fills another one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/settings.h"
#include "rpc/credentials.h"
#include "tls/credentials.h"
#include "tracing/settings.h"

namespace topgun::gateway {

struct Config {
  std::string name;
  std::string listen;  // host:port; empty: from the two below
  std::string bind_address;
  uint16_t port = 8080;
  std::string admin = "127.0.0.1:9090";
  std::vector<std::string> sync = {"127.0.0.1:9000"};
  rpc::TlsOptions grpc_tls;
  std::vector<std::string> allow_plaintext;  // hops, see config/plaintext.h
  std::chrono::milliseconds resolve_every{3'000};
  bool tls_in_front = false;
  tls::TlsFiles tls;  // of the port for clients; `ca` signs their certificates; empty: plain text
  uint32_t tls_handshakes_max = 1'000;
  std::chrono::milliseconds tls_handshake_timeout{5'000};
  std::string node_id = "topgun-server-node";
  std::string advertise_host = "127.0.0.1";
  std::string advertise_url;  // empty: as each client wrote its own
  bool membership = false;    // one of several gateways that clients choose between
  uint32_t shards = 16;
  uint32_t loops = 0;  // 0: half of the cores

  std::string jwt_secret;
  std::string jwt_issuer;
  std::string jwt_audience;
  bool no_auth = false;
  bool allow_no_auth_public_bind = false;
  bool forward_auth_errors = false;
  std::vector<std::string> admin_subjects;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> cors_origins;
  bool trusted_proxy = false;
  std::string admin_username = "admin";
  std::string admin_password;  // empty: no login

  uint64_t connections_max = 50'000;
  uint64_t message_bytes_max = uint64_t{16} << 20;
  uint64_t push_bytes_max = uint64_t{1} << 20;
  uint64_t reply_bytes_max = uint64_t{4} << 20;
  uint64_t inflight_bytes_max = uint64_t{64} << 20;
  uint64_t value_bytes_max = 0;  // 0: unlimited
  uint32_t ops_per_second = 20'000;
  uint32_t ops_burst = 40'000;
  uint32_t subscriptions_max = 1'000;
  uint32_t revivals_per_second = 200;
  bool journal_enabled = true;

  std::chrono::milliseconds auth_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds connection_age_max{0};
  // Few connections need no window; below the 5 s after which test harnesses and supervisors kill
  // (core.md 2.10).
  std::chrono::milliseconds drain_delay{0};
  std::chrono::milliseconds drain_window{3'000};
  std::chrono::milliseconds drain{3'000};

  tracing::Options tracing;
  std::string log_level = "info";
  bool debug_endpoints = false;
  config::ParseResult parsed;  // as they were read
  bool print_metrics_doc = false;
};

struct ListenAddress {
  std::string host;
  uint16_t port = 0;
};

config::ParseResult ParseConfig(int argc, const char* const* argv, Config& config);

// What ParseConfig() would read now, for a reload; its result is in `parsed`. Prints nothing.
Config ParseConfigAgain(const Config& running);

// Where WebSocket clients connect: --listen, else the two variables of the reference server.
StatusOr<ListenAddress> ListenAddressOf(const Config& config);

// Whether the administration is served at all: without authentication only where no other machine
// gets at, unless the operator allows it (core.md 2.10). The configuration has passed its checks.
bool ServesAdministration(const Config& config);

// Whether clients on other machines are served without TLS although nobody asked for it.
bool PlainTextIsExposed(const Config& config);

}  // namespace topgun::gateway
