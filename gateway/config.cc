#include "config.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "config/plaintext.h"
#include "config/program_config.h"
#include "discovery/source.h"
#include "rpc/tls_settings.h"
#include "state/keys.h"

namespace topgun::gateway {
namespace {

void AddNetwork(config::Settings& settings, Config& config) {
  const std::string group = "Network";
  settings.Add("name", &config.name, "Name of this gateway in logs; gateway-<pid> when empty",
               {.group = group});
  settings.Add(
      "listen", &config.listen,
      "Address for WebSocket clients, host:port; host localhost is 127.0.0.1 and ::1, * is "
      "0.0.0.0 and ::, port 0 takes any free one; overrides bind-addr and port",
      {.group = group});
  settings.Add("bind-addr", &config.bind_address,
               "Host for WebSocket clients; by default 0.0.0.0, without authentication 127.0.0.1",
               {.group = group});
  settings.Add("port", &config.port, "Port for WebSocket clients", {.group = group, .env = "PORT"});
  settings.Add("admin", &config.admin, "Address of /metrics, /livez and /readyz", {.group = group});
  settings.Add(
      "sync", &config.sync,
      "Sync services: host:port,... (each address of a name is a replica), or file:/path with "
      "one per line",
      {.group = group, .min = 1});
  settings.Add(
      "resolve-every", &config.resolve_every,
      "How often the names of the sync services are resolved again, about; also soon after "
      "a connection is lost, files when they change",
      {.group = group, .min = 100, .max = 300'000});
  settings.Add("allowed-origins", &config.allowed_origins,
               "Origins that browsers may connect from; empty: all", {.group = group});
  settings.Add("cors-origins", &config.cors_origins,
               "Origins whose pages may read HTTP answers; `*`: all, without credentials",
               {.group = group});
  settings.Add("trusted-proxy", &config.trusted_proxy,
               "A proxy in front appends to X-Forwarded-For: its last address is the client's",
               {.group = group});
  settings.Add("node-id", &config.node_id,
               "Name of this gateway in the partition map, with membership its own alone",
               {.group = "Cluster", .min = 1, .max = 256});
  settings.Add("advertise-host", &config.advertise_host,
               "Host that clients of the other gateways reach this one at",
               {.group = "Cluster", .min = 1, .max = 256});
  settings.Add("advertise-url", &config.advertise_url,
               "URL of this gateway in the partition map; empty: made like the URL that the asking "
               "client used",
               {.group = "Cluster", .max = 1024});
  settings.Add(
      "membership", &config.membership,
      "Clients choose between this gateway and the others that have it set: all are in the "
      "partition map; false: this gateway stands for the whole cluster",
      {.group = "Cluster"});
  settings.Add("shards", &config.shards, "Number of shards, fixed when a cluster is created",
               {.group = "Cluster", .min = 1, .max = state::kShardCountMax});
  settings.Add("loops", &config.loops, "Event loops; 0: half of the cores",
               {.group = "Cluster", .max = 64});
}

void AddTls(config::Settings& settings, Config& config) {
  const std::string group = "TLS";
  settings.Add("tls-certificate-file", &config.tls.certificate,
               "PEM file with the certificate for clients and its intermediates: with it the port "
               "for clients speaks TLS, without it plain text",
               {.group = group});
  settings.Add("tls-key-file", &config.tls.key, "PEM file with the key of that certificate",
               {.group = group});
  settings.Add("tls-client-ca-file", &config.tls.ca,
               "PEM file of authorities: clients must show a certificate that one of them signed",
               {.group = group});
  settings.Add("tls-handshakes-max", &config.tls_handshakes_max,
               "TLS handshakes at a time; further connections are closed",
               {.group = group, .min = 1});
  settings.Add("tls-handshake-timeout", &config.tls_handshake_timeout, "Time for a TLS handshake",
               {.group = group, .min = 100});
  settings.Add("tls-in-front", &config.tls_in_front,
               "TLS is ended by a proxy in front: clients use wss", {.group = group});
}

// The files are read here as well, so that --check-config finds what is wrong with them.
Status CheckTls(const Config& config) {
  if (!config.tls.ca.empty() && config.tls.certificate.empty()) {
    return InvalidArgument("--tls-client-ca-file needs --tls-certificate-file and --tls-key-file");
  }
  return tls::LoadCredentials(config.tls, std::chrono::system_clock::now()).status();
}

void AddAuthentication(config::Settings& settings, Config& config) {
  const std::string group = "Authentication";
  settings.AddSecret("jwt-secret", &config.jwt_secret,
                     "HS256 secret of client tokens, or a PEM public key for RS256",
                     {.group = group, .env = "JWT_SECRET", .live = true});
  settings.Add("jwt-issuer", &config.jwt_issuer, "Required `iss` of tokens; empty: any",
               {.group = group, .live = true});
  settings.Add("jwt-audience", &config.jwt_audience, "Required `aud` of tokens; empty: any",
               {.group = group, .live = true});
  settings.Add("no-auth", &config.no_auth, "Serve clients without tokens; wins over a secret",
               {.group = group});
  settings.Add(
      "allow-no-auth-public-bind", &config.allow_no_auth_public_bind,
      "Serve /api/admin without authentication also on addresses that other machines reach",
      {.group = group});
  settings.Add("forward-auth-errors", &config.forward_auth_errors,
               "Tell clients why their token was refused",
               {.group = group, .env = "INSECURE_FORWARD_AUTH_ERRORS", .live = true});
  settings.Add("admin-subjects", &config.admin_subjects,
               "Subjects of tokens whom map policies do not concern; a role does not suffice",
               {.group = group});
  settings.Add("admin-username", &config.admin_username, "Name of POST /api/auth/login",
               {.group = group, .min = 1, .max = 256, .live = true});
  settings.AddSecret("admin-password", &config.admin_password,
                     "Password of POST /api/auth/login; without one nobody can log in",
                     {.group = group, .max = 1024, .live = true});
  settings.Add("auth-timeout", &config.auth_timeout,
               "Connections that have not authenticated by then are closed",
               {.group = group, .min = 100, .live = true});
}

void AddLimits(config::Settings& settings, Config& config) {
  const std::string group = "Limits";
  settings.Add("connections-max", &config.connections_max,
               "Connections at a time; further ones get HTTP 503",
               {.group = group, .min = 1, .live = true});
  settings.AddBytes("message-bytes-max", &config.message_bytes_max,
                    "Largest message of an authenticated client; 2 MiB before",
                    {.group = group, .min = 1 << 16, .max = 48 << 20, .live = true});
  settings.AddBytes("push-bytes-max", &config.push_bytes_max,
                    "News queued for one connection; beyond, it is closed",
                    {.group = group, .min = 1 << 14, .live = true});
  settings.AddBytes("reply-bytes-max", &config.reply_bytes_max,
                    "Replies queued for one connection; beyond, it is not read",
                    {.group = group, .min = 1 << 14, .live = true});
  settings.AddBytes("inflight-bytes-max", &config.inflight_bytes_max,
                    "Writes kept per loop until they are acknowledged; beyond, clients get 429",
                    {.group = group, .min = 1 << 16, .live = true});
  settings.AddBytes("value-bytes-max", &config.value_bytes_max, "Largest value; 0: unlimited",
                    {.group = group, .live = true});
  settings.Add("ops-per-second", &config.ops_per_second, "Operations per second and connection",
               {.group = group, .min = 1, .live = true});
  settings.Add("ops-burst", &config.ops_burst, "Operations a connection may send at once",
               {.group = group, .min = 1, .live = true});
  settings.Add("subscriptions-max", &config.subscriptions_max,
               "Live queries per connection, and live searches",
               {.group = group, .min = 1, .live = true});
  settings.Add("revivals-per-second", &config.revivals_per_second,
               "Clients per second and loop told to send again after an overload",
               {.group = group, .min = 1, .live = true});
}

void AddJournal(config::Settings& settings, Config& config) {
  settings.Add("journal-enabled", &config.journal_enabled,
               "Tell clients of events of the journal; false: subscriptions stay silent, reads "
               "are empty",
               {.group = "Journal"});
}

Status CheckGrpc(const Config& config) {
  std::vector<rpc::UsedAddress> used;
  for (const std::string& address : config.sync) {
    // What a file names is checked when it is read.
    if (!discovery::NamesFile(address)) used.push_back({"--sync", address});
  }
  return rpc::CheckTls(config.grpc_tls, used, config.allow_plaintext);
}

bool IsLoopback(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return host == "localhost" || (!error && address.is_loopback());
}

void AddSettings(config::Settings& settings, Config& config) {
  AddNetwork(settings, config);
  AddAuthentication(settings, config);
  AddTls(settings, config);
  rpc::AddTlsSettings(settings, &config.grpc_tls);
  config::AddAllowPlaintext(settings, &config.allow_plaintext);
  AddLimits(settings, config);
  AddJournal(settings, config);
  settings.Add("idle-timeout", &config.idle_timeout,
               "Connections that send no PING for this long are closed",
               {.group = "Times", .min = 100, .live = true});
  settings.Add("connection-age-max", &config.connection_age_max,
               "Age, give or take a fifth, at which connections are closed so that clients spread "
               "over new gateways; 0: never",
               {.group = "Times", .live = true});
  settings.Add("drain-delay", &config.drain_delay,
               "Time between SIGTERM and the drain: not ready, but serving, until balancers know",
               {.group = "Times", .max = 600'000, .live = true});
  settings.Add("drain-window", &config.drain_window,
               "Time over which a drain closes its connections, shorter when there are few",
               {.group = "Times", .max = 3'600'000, .live = true});
  settings.Add("drain", &config.drain, "Longest wait of a connection for its acks in a drain",
               {.group = "Times", .live = true});
  tracing::AddExportSettings(settings, config.tracing);
  tracing::AddSamplingSettings(settings, config.tracing);
  settings.Add(
      "log-level", &config.log_level, "Lowest level that is logged",
      {.group = "Logging", .allowed = {"debug", "info", "warning", "error"}, .live = true});
  settings.Add("debug-endpoints", &config.debug_endpoints,
               "Serve /debug/ on the admin port: profiles, threads, log level",
               {.group = "Logging"});
  settings.AddCommand("print-metrics-doc", &config.print_metrics_doc,
                      "Print the table of metrics and stop");
  settings.AddCheck([&config] { return ListenAddressOf(config).status(); });
  settings.AddCheck([&config] { return discovery::CheckTargets("sync", config.sync); });
  settings.AddCheck([&config] { return CheckGrpc(config); });
  settings.AddCheck([&config] { return CheckTls(config); });
}

void NameDefaults(Config& config) {
  if (config.name.empty()) config.name = "gateway-" + std::to_string(getpid());
}

constexpr config::Program<Config> kProgram = {"topgun-gateway",
                                              "Connects WebSocket clients with the sync services.",
                                              AddSettings, NameDefaults};

}  // namespace

config::ParseResult ParseConfig(int argc, const char* const* argv, Config& config) {
  return config::Read(kProgram, argc, argv, config);
}

Config ParseConfigAgain(const Config& running) { return config::ReadAgain(kProgram, running); }

StatusOr<ListenAddress> ListenAddressOf(const Config& config) {
  if (config.listen.empty()) {
    const std::string any = config.no_auth ? "127.0.0.1" : "0.0.0.0";
    return ListenAddress{config.bind_address.empty() ? any : config.bind_address, config.port};
  }
  const size_t colon = config.listen.rfind(':');
  if (colon == std::string::npos) return InvalidArgument("--listen: use host:port");
  ListenAddress address{config.listen.substr(0, colon), 0};
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  const char* const end = config.listen.data() + config.listen.size();
  const auto [at, error] = std::from_chars(config.listen.data() + colon + 1, end, address.port);
  if (error != std::errc() || at != end) return InvalidArgument("--listen: bad port");
  return address;
}

bool ServesAdministration(const Config& config) {
  if (!config.no_auth || config.allow_no_auth_public_bind) return true;
  const StatusOr<ListenAddress> address = ListenAddressOf(config);
  return address.ok() && IsLoopback(address->host);
}

bool PlainTextIsExposed(const Config& config) {
  if (!config.tls.empty() || config.tls_in_front) return false;
  const auto& allowed = config.allow_plaintext;
  if (std::find(allowed.begin(), allowed.end(), "clients") != allowed.end()) return false;
  const StatusOr<ListenAddress> address = ListenAddressOf(config);
  return address.ok() && !IsLoopback(address->host);
}

}  // namespace topgun::gateway
