// One look at gRPC servers by the services that every one of ours has: grpc.health.v1 and server
// reflection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/rpc_client.h"
#include "base/status.h"

namespace topgun::ctl {

enum class Health {
  kServing,
  kNotServing,
  kUnknown,  // the server does not tell
};

struct RpcService {
  std::string name;  // "topgun.sync.v1.Sync"
  Health health = Health::kUnknown;
};

struct RpcLook {
  RpcTarget target;
  Status reached;  // all else is empty when not OK

  double round_trip_seconds = 0;     // of one question on a connection that exists
  Health health = Health::kUnknown;  // of the server as a whole
  bool lists_services = false;       // by reflection
  std::vector<RpcService> services;  // ascending, without gRPC's own
};

inline constexpr std::string_view kSyncService = "topgun.sync.v1.Sync";

RpcLook LookAt(const RpcClient& client);

// Whether it lists a service of this name.
bool Offers(const RpcLook& look, std::string_view service);

// "SERVING", as grpc.health.v1 has it.
const char* Name(Health health);

}  // namespace topgun::ctl
