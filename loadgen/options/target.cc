#include "options/target.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "options/option_parser.h"
#include "tls/context.h"
#include "tls/credentials.h"
#include "workload/identity.h"

namespace topgun::loadgen {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// One for all connections, whatever thread they are on.
Status PrepareTls(TargetConfig& target) {
  const bool secure = std::any_of(target.endpoints.begin(), target.endpoints.end(),
                                  [](const Endpoint& endpoint) { return endpoint.secure; });
  if (!secure) {
    if (target.tls_ca_file.empty() && !target.tls_insecure) return OkStatus();
    return InvalidArgument("--tls-ca-file and --tls-insecure are for a --url with wss://");
  }
  if (!target.tls_ca_file.empty() && target.tls_insecure) {
    return InvalidArgument("--tls-insecure would ignore --tls-ca-file: use one of them");
  }
  ASSIGN_OR_RETURN(const tls::Credentials credentials,
                   tls::LoadCredentials({.certificate = {}, .key = {}, .ca = target.tls_ca_file},
                                        std::chrono::system_clock::now()));
  ASSIGN_OR_RETURN(
      const tls::ContextPtr context,
      tls::MakeClientContext(credentials, {.verify = !target.tls_insecure, .alpn = {"http/1.1"}}));
  for (Endpoint& endpoint : target.endpoints) {
    if (endpoint.secure) endpoint.tls = context;
  }
  return OkStatus();
}

}  // namespace

void RegisterTargetOptions(OptionParser& parser, TargetConfig& target) {
  parser.BeginGroup("Target");
  parser.Texts("--url", "ws://HOST:PORT/PATH", target.urls,
               "Gateway; repeatable, connections take turns, and try the next one after a loss;\n"
               "wss:// speaks TLS");
  parser.Flag("--http-sync", target.http_sync,
              "Operations travel as POST /sync to the hosts of --url over kept-alive connections,\n"
              "one request per connection at a time, instead of WebSocket frames");
  parser.Text("--tls-ca-file", "FILE", target.tls_ca_file,
              "Authorities (PEM) that may have signed the gateways' certificates; default:\n"
              "those of this system");
  parser.Flag("--tls-insecure", target.tls_insecure, "Accept any certificate of a gateway");
  parser.Text("--jwt-secret-file", "FILE", target.jwt_secret_file,
              "File with the HS256 secret that tokens are made with; default: the\n"
              "environment variable JWT_SECRET");
  parser.Text("--token", "JWT", target.token, "One ready-made token for every connection");
  parser.Flag("--no-auth", target.no_auth, "The target runs without authentication");
  parser.Number("--users", target.users, 1, kWritersMax, "Distinct subjects among the tokens made");
  parser.Texts("--source-ips", "IP,...", target.source_ips,
               "Addresses of this machine to connect from, in turn: one of them has 28 000 ports",
               ',');
  parser.Duration("--connect-timeout", target.connect_timeout,
                  "Until all connections must be ready");
}

Status FinishTarget(TargetConfig& target) {
  target.endpoints.clear();
  for (const std::string& url : target.urls) {
    ASSIGN_OR_RETURN(Endpoint endpoint, ParseUrl(url));
    target.endpoints.push_back(std::move(endpoint));
  }
  RETURN_IF_ERROR(PrepareTls(target));
  for (const std::string& ip : target.source_ips) {
    if (!IsIpAddress(ip)) return InvalidArgument("--source-ips: not an IP address: " + ip);
  }
  if (const char* const secret = std::getenv("JWT_SECRET"); secret != nullptr) {
    target.jwt_secret = secret;
  }
  if (!target.jwt_secret_file.empty()) {
    target.jwt_secret = ReadFile(target.jwt_secret_file);
    if (target.jwt_secret.empty()) {
      return InvalidArgument("--jwt-secret-file: cannot read " + target.jwt_secret_file);
    }
  }
  if (!target.no_auth && target.token.empty() && target.jwt_secret.empty()) {
    return InvalidArgument(
        "no token: set JWT_SECRET, --jwt-secret-file or --token, or say --no-auth");
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
