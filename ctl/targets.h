// Whom to ask: admin ports, gateways and gRPC servers, from the command line or from the folder of
// a local cluster. Values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rpc_targets.h"
#include "tls/credentials.h"

namespace topgun::ctl {

// An admin port.
struct Target {
  std::string name;  // "gateway-1", or host:port where no name is known
  std::string role;  // gateway, sync or storage; empty: not known before it is asked
  std::string url;   // "http://127.0.0.1:9090"
};

// Where a gateway serves its clients and /api/admin.
struct Gateway {
  std::string name;
  std::string url;  // "http://127.0.0.1:8080"
};

struct Targets {
  std::vector<Target> admin;
  std::vector<Gateway> gateways;
  std::vector<RpcTarget> rpc;
  tls::TlsFiles rpc_files;  // with which the gRPC servers let us in; empty: they speak plain text
  std::string ca_file;      // who signed the gateways' certificates; empty: not known
  std::string secret_file;  // with which an administrator's token can be made; empty: not known
};

inline constexpr std::string_view kDefaultAdminPort = "9090";

// What runs in the folder of ./topgun up.
StatusOr<Targets> ReadLocalCluster(const std::string& dir);

// host:port,... where the port may be left out; every address of a name is a target, so that the
// headless Service of a Deployment stands for all its pods.
StatusOr<std::vector<Target>> ResolveTargets(const std::vector<std::string>& addresses);

// http://host:port from that, from ws://host:port/ws, or from host:port.
StatusOr<Gateway> ParseGateway(std::string_view text);

// The one of this name or address. NOT_FOUND names those that there are.
StatusOr<Target> FindTarget(const std::vector<Target>& targets, const std::string& which);

}  // namespace topgun::ctl
