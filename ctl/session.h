// What every verb works with: whom to ask, as whom, and how to print. Made once per run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "backend/rpc_client.h"
#include "base/status.h"
#include "http_client.h"
#include "targets.h"

namespace topgun::ctl {

// The exit codes, for scripts.
inline constexpr int kYes = 0;          // done, or all is well
inline constexpr int kNo = 1;           // asked and answered, and the answer is no
inline constexpr int kUsage = 2;        // the command line is wrong
inline constexpr int kUnreachable = 3;  // nobody could be asked, or the question was refused

struct SessionOptions {
  std::string data_dir;               // of a local cluster
  std::vector<std::string> admin;     // addresses of admin ports
  std::vector<std::string> gateways;  // URLs of gateways
  std::vector<std::string> rpc;       // gRPC servers, as ResolveRpcTargets() takes them
  rpc::TlsOptions rpc_tls;
  std::vector<std::string> allow_plaintext;  // "grpc": to other machines
  std::string token_file;                    // with an administrator's token
  std::string secret_file;                   // to make one from
  std::string ca_file;
  double timeout_seconds = 5;
  bool json = false;
};

class Session {
 public:
  explicit Session(SessionOptions options);

  bool json() const { return options_.json; }
  const HttpClient& http() const { return http_; }

  // INVALID_ARGUMENT with the way out when the command line names none.
  StatusOr<std::vector<Target>> admin_targets() const;
  StatusOr<std::vector<Gateway>> gateways() const;
  StatusOr<std::vector<RpcTarget>> rpc_targets() const;
  // Whether the command line names some itself.
  bool names_rpc() const { return !options_.rpc.empty(); }
  // All of these that are known: at least one admin port or gRPC server.
  StatusOr<Targets> AllTargets() const;
  // What makes connections to these, which may come from elsewhere than rpc_targets().
  StatusOr<RpcDialer> Dialer(const std::vector<RpcTarget>& targets) const;
  // A gateway by its name or URL. NOT_FOUND names those that there are.
  StatusOr<Gateway> FindGateway(const std::string& which) const;
  // Those of the admin ports that are gateways'; asks the ones whose role is not known.
  StatusOr<std::vector<Target>> GatewayTargets() const;

  // With the secret of tokens, as the command line or the local cluster has it; empty: not known.
  std::string SecretFile() const;
  // An administrator's token from the file, the variable TOPGUNCTL_TOKEN, or made for five minutes
  // from the secret. Empty when there is none of these: a cluster may run without authentication.
  StatusOr<std::string> AdminToken() const;

  // The JSON behind a URL of an admin port. An answer that is not 200 is an error with its text.
  StatusOr<boost::json::value> AskAdmin(const Target& target, const std::string& path,
                                        const std::string& method = "GET") const;
  // The same of a gateway's administration, as administrator; waits and asks again when told that
  // requests come too fast. Null for an answer without a body.
  StatusOr<boost::json::value> AskGateway(const Gateway& gateway, const std::string& path,
                                          const std::string& method = "GET",
                                          const std::string& body = {}) const;

 private:
  StatusOr<Targets> Named() const;

  const SessionOptions options_;
  const HttpClient http_;
};

// Runs `ask(i)` for every i below `count`, several at a time.
void ForAll(size_t count, const std::function<void(size_t)>& ask);

// On stderr, with the program's name.
int Fail(const Status& status);

void PrintJson(const boost::json::value& value);

}  // namespace topgun::ctl
