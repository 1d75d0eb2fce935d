// GET /api/admin/cluster/status (core.md 9.2): the gateways of the cluster and what each is
// responsible for.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "http/admin_access.h"
#include "http/router.h"
#include "system/membership.h"

namespace topgun::gateway {

// The members ascending by id. Nothing is ever rebalanced: whoever owns a partition, its state is
// behind all gateways. Pure.
boost::json::object ClusterStatusOf(std::span<const Member> members, int64_t now_ms);

// All references outlive the router.
void MountClusterEndpoints(Router& router, const AdminAccess& access, const Membership& membership,
                           const WallClock& clock);

}  // namespace topgun::gateway
