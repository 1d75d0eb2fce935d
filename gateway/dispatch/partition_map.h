// PARTITION_MAP as one client has to see it (core.md 8.2 to 8.5).
//
// A client treats the server it is connected to as a node of the map only if the strings of their
// URLs are equal, so URLs are written the way this client wrote its own: same scheme, same path,
// and for gateways of the same machine the same host name. Pure functions; any thread.
#pragma once

#include <string>

#include "dispatch/cluster_map.h"
#include "ws/session.h"

namespace topgun::gateway {

// The URL that a client used, in the form without a path when the path is "/".
std::string UrlOf(const UpgradeRequest& request);

// Where the client of `request`, connected to `self`, finds `node`.
std::string UrlFor(const ClusterNode& node, const ClusterNode& self, const UpgradeRequest& request);

// Owners and backups are those of AssignPartitions().
void EncodePartitionMapFor(const UpgradeRequest& request, const ClusterMap& map,
                           const ClusterNode& self, int64_t now_ms, std::string& out);

}  // namespace topgun::gateway
