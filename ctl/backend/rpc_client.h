// gRPC servers, asked one question at a time. The folder backend/ is the only one that sees gRPC
// and generated messages.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rpc/credentials.h"
#include "rpc_targets.h"

namespace grpc {
class Channel;
class ClientContext;
class Status;
}  // namespace grpc

namespace topgun::ctl {

// One server, whatever its health service says. Calls block until the answer or the deadline. Any
// thread; copies share the connection.
class RpcClient {
 public:
  RpcClient(RpcTarget target, const rpc::Credentials& credentials,
            std::chrono::milliseconds timeout);

  const RpcTarget& target() const { return target_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  void SetDeadline(grpc::ClientContext& context) const;

  // The status of a call, with the name of the server and, where one is known, the way out.
  Status Explain(const grpc::Status& status, std::string_view method) const;

  // A call of "/package.Service/Method" in bytes of the wire, for services whose generated code is
  // not at hand: unary, or a stream of one message in each direction.
  StatusOr<std::string> Call(const std::string& method, const std::string& request) const;

 private:
  RpcTarget target_;
  bool encrypted_;
  std::chrono::milliseconds timeout_;
  std::shared_ptr<grpc::Channel> channel_;
};

struct RpcOptions {
  rpc::TlsOptions tls = {};                       // plain text by default
  std::vector<std::string> allow_plaintext = {};  // "grpc": also to other machines
  std::chrono::milliseconds timeout{5'000};       // of each answer
};

// Makes clients that share one set of credentials.
class RpcDialer {
 public:
  // What is wrong with the certificates, or that plain text would leave this machine.
  static StatusOr<RpcDialer> Make(RpcOptions options, const std::vector<RpcTarget>& targets);

  RpcClient Dial(RpcTarget target) const {
    return {std::move(target), credentials_, options_.timeout};
  }

 private:
  explicit RpcDialer(RpcOptions options);

  RpcOptions options_;
  rpc::Credentials credentials_;
};

// What to do about a call that failed this way; empty when nothing is known. Pure.
std::string WayOut(const Status& status, bool encrypted);

}  // namespace topgun::ctl
