// GET /api/admin/cluster/status (core.md 9.2): the gateways of the cluster and what each is
// responsible for.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>

#include "base/clock.h"
#include "dispatch/cluster_view.h"
#include "http/admin_access.h"
#include "http/router.h"
#include "http/server_report.h"

namespace topgun::gateway {

// Connections and memory are known of this gateway only; the others' are 0. Pure.
boost::json::object ClusterStatusOf(const ClusterMap& map, const ClusterNode& self,
                                    const ServerReport& report, uint64_t memory_bytes,
                                    int64_t now_ms);

// All references outlive the router.
void MountClusterEndpoints(Router& router, const AdminAccess& access, const ClusterView& cluster,
                           ServerReporter report, const WallClock& clock);

}  // namespace topgun::gateway
