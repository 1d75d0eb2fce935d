// What a sync service knows of maps, read from it without a gateway. The service builds a view of a
// map that it is asked for, as it does for gateways: soft state within its limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/rpc_client.h"
#include "base/status.h"
#include "merkle_walk.h"
#include "state/keys.h"

namespace topgun::ctl {

struct SyncMap {
  std::string map;
  state::CellKind kind = state::CellKind::kLww;
  uint64_t cells = 0;  // in Redis: removed and expired ones are among them
};

// All maps of the cluster, reserved ones included, ascending by name and kind.
StatusOr<std::vector<SyncMap>> ListMaps(const RpcClient& client);

// Records that clients can see, of an LWW or OR map; nothing when the map is too large to be
// counted.
StatusOr<std::optional<uint64_t>> CountMap(const RpcClient& client, const SyncMap& map);

// For CompareTrees().
ReadNodes TreeReaderOf(const RpcClient& client, const std::string& map, state::CellKind kind);

// "lww", "or" or "counter".
const char* Name(state::CellKind kind);

}  // namespace topgun::ctl
