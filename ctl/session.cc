#include "session.h"

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "auth/token_signer.h"
#include "base/secret_file.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

constexpr size_t kAtOnceMax = 16;
constexpr int64_t kTokenSeconds = 300;
// The administration lets 100 requests a second through.
constexpr int kAttempts = 20;
constexpr std::chrono::milliseconds kPause{500};

constexpr char kNobody[] =
    "name the admin ports with --admin host:port,... (every address of a DNS name counts), the "
    "gRPC "
    "servers with --rpc host:port,... where they do, or a local cluster with --data DIR";
constexpr char kNoRpc[] =
    "name the gRPC addresses of sync and storage services with --rpc host:port,..., or a local "
    "cluster with --data DIR";
constexpr char kNoGateway[] =
    "name the gateways with --gateway http://host:port,..., or a local cluster with --data DIR";

// What an answer that is no success says, on one line.
Status Refused(const std::string& url, const HttpReply& reply) {
  std::string text = reply.body.substr(0, 500);
  json::error_code error;
  const json::value parsed = json::parse(reply.body, error);
  if (!error && parsed.is_object() && parsed.get_object().contains("message")) {
    const json::object& body = parsed.get_object();
    text = json::value_to<std::string>(body.at("message"));
    if (const json::value* const field = body.if_contains("field"); field != nullptr) {
      text = json::value_to<std::string>(*field) + ": " + text;
    }
  }
  while (text.ends_with('\n')) text.pop_back();
  const std::string message = url + " answers " + std::to_string(reply.status) + ": " + text;
  if (reply.status == 404) return NotFound(message);
  if (reply.status == 400 || reply.status == 409) return FailedPrecondition(message);
  if (reply.status == 401 || reply.status == 403) return PermissionDenied(message);
  return Unavailable(message);
}

StatusOr<json::value> ValueOf(const std::string& url, const HttpReply& reply) {
  if (reply.status < 200 || reply.status > 299) return Refused(url, reply);
  if (reply.body.empty()) return json::value();
  json::error_code error;
  json::value value = json::parse(reply.body, error);
  if (error) return Unavailable(url + " answers with something else than JSON");
  return value;
}

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

// A folder that cannot be read is an error of the verbs that need it.
std::string CaFile(const SessionOptions& options) {
  if (!options.ca_file.empty() || options.data_dir.empty()) return options.ca_file;
  const auto targets = ReadLocalCluster(options.data_dir);
  return targets.ok() ? targets->ca_file : std::string();
}

}  // namespace

Session::Session(SessionOptions options)
    : options_(std::move(options)),
      http_({.timeout = Milliseconds(options_.timeout_seconds), .ca_file = CaFile(options_)}) {}

StatusOr<Targets> Session::Named() const {
  Targets targets;
  if (!options_.data_dir.empty()) {
    ASSIGN_OR_RETURN(targets, ReadLocalCluster(options_.data_dir));
  }
  if (!options_.admin.empty()) {
    ASSIGN_OR_RETURN(targets.admin, ResolveTargets(options_.admin));
  }
  if (!options_.gateways.empty()) targets.gateways.clear();
  for (const std::string& text : options_.gateways) {
    ASSIGN_OR_RETURN(Gateway gateway, ParseGateway(text));
    targets.gateways.push_back(std::move(gateway));
  }
  if (!options_.rpc.empty()) {
    ASSIGN_OR_RETURN(targets.rpc, ResolveRpcTargets(options_.rpc));
  }
  return targets;
}

StatusOr<std::vector<Target>> Session::admin_targets() const {
  ASSIGN_OR_RETURN(Targets targets, Named());
  if (targets.admin.empty()) return InvalidArgument(kNobody);
  return std::move(targets.admin);
}

StatusOr<std::vector<Gateway>> Session::gateways() const {
  ASSIGN_OR_RETURN(Targets targets, Named());
  if (targets.gateways.empty()) return InvalidArgument(kNoGateway);
  return std::move(targets.gateways);
}

StatusOr<std::vector<RpcTarget>> Session::rpc_targets() const {
  ASSIGN_OR_RETURN(Targets targets, Named());
  if (targets.rpc.empty()) return InvalidArgument(kNoRpc);
  return std::move(targets.rpc);
}

StatusOr<Targets> Session::AllTargets() const {
  ASSIGN_OR_RETURN(Targets targets, Named());
  if (targets.admin.empty() && targets.rpc.empty()) return InvalidArgument(kNobody);
  return targets;
}

StatusOr<RpcDialer> Session::Dialer(const std::vector<RpcTarget>& targets) const {
  RpcOptions options{.tls = options_.rpc_tls,
                     .allow_plaintext = options_.allow_plaintext,
                     .timeout = Milliseconds(options_.timeout_seconds)};
  if (!options.tls.enabled() && !options_.data_dir.empty()) {
    ASSIGN_OR_RETURN(Targets local, ReadLocalCluster(options_.data_dir));
    options.tls.files = std::move(local.rpc_files);
  }
  return RpcDialer::Make(std::move(options), targets);
}

StatusOr<Gateway> Session::FindGateway(const std::string& which) const {
  ASSIGN_OR_RETURN(const Targets targets, Named());
  for (const Gateway& gateway : targets.gateways) {
    if (gateway.name == which) return gateway;
  }
  if (which.find(':') != std::string::npos) return ParseGateway(which);
  std::string text = "no gateway or gRPC server " + which + "; give its URL, or one of:";
  for (const Gateway& gateway : targets.gateways) text += " " + gateway.name;
  for (const RpcTarget& target : targets.rpc) text += " " + target.name;
  return NotFound(text);
}

StatusOr<std::vector<Target>> Session::GatewayTargets() const {
  ASSIGN_OR_RETURN(std::vector<Target> targets, admin_targets());
  std::vector<Target> gateways;
  for (Target& target : targets) {
    if (target.role.empty()) {
      ASSIGN_OR_RETURN(const json::value status, AskAdmin(target, "/statusz"));
      const bool is_gateway = status.at("program").as_string() == "topgun-gateway";
      target.role = is_gateway ? "gateway" : "other";
    }
    if (target.role == "gateway") gateways.push_back(std::move(target));
  }
  if (gateways.empty()) return FailedPrecondition("none of the admin ports is a gateway's");
  return gateways;
}

std::string Session::SecretFile() const {
  if (!options_.secret_file.empty() || options_.data_dir.empty()) return options_.secret_file;
  const auto targets = ReadLocalCluster(options_.data_dir);
  return targets.ok() ? targets->secret_file : std::string();
}

StatusOr<std::string> Session::AdminToken() const {
  if (!options_.token_file.empty()) return ReadSecretFile(options_.token_file);
  if (const char* const token = std::getenv("TOPGUNCTL_TOKEN"); token != nullptr) return token;
  const std::string file = SecretFile();
  if (file.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::string secret, ReadSecretFile(file));
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const json::object claims{{"sub", "topgunctl"},
                            {"roles", json::array{"admin"}},
                            {"iat", now},
                            {"exp", now + kTokenSeconds}};
  return gateway::SignToken(secret, json::serialize(claims));
}

StatusOr<json::value> Session::AskAdmin(const Target& target, const std::string& path,
                                        const std::string& method) const {
  const std::string url = target.url + path;
  ASSIGN_OR_RETURN(const HttpReply reply, http_.Send({.method = method, .url = url}));
  return ValueOf(url, reply);
}

StatusOr<json::value> Session::AskGateway(const Gateway& gateway, const std::string& path,
                                          const std::string& method,
                                          const std::string& body) const {
  ASSIGN_OR_RETURN(const std::string token, AdminToken());
  const std::string url = gateway.url + path;
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(const HttpReply reply,
                     http_.Send({.method = method, .url = url, .body = body, .bearer = token}));
    if (reply.status != 429 || attempt == kAttempts) return ValueOf(url, reply);
    std::this_thread::sleep_for(kPause);
  }
}

void ForAll(size_t count, const std::function<void(size_t)>& ask) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(count, kAtOnceMax); ++i) {
    threads.emplace_back([&] {
      for (size_t mine = next++; mine < count; mine = next++) ask(mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

int Fail(const Status& status) {
  std::fprintf(stderr, "topgunctl: %s\n", std::string(Message(status)).c_str());
  return status.code() == StatusCode::kInvalidArgument ? kUsage : kUnreachable;
}

void PrintJson(const json::value& value) { std::printf("%s\n", json::serialize(value).c_str()); }

}  // namespace topgun::ctl
