// GET /api/admin/maps/{map}/tree: nodes of a map's Merkle tree (core.md 7.2) as this gateway reads
// them, so that what two gateways see can be compared down to the keys.
#pragma once

#include <cstddef>

#include "dispatch/io.h"
#include "http/admin_access.h"
#include "http/router.h"

namespace topgun::gateway {

inline constexpr size_t kTreePathsMax = 256;
// Of one answer with records; a leaf of a map with a million keys has some 250.
inline constexpr size_t kTreeLeavesMax = 16;

// All references outlive the router.
void MountTreeEndpoints(Router& router, const AdminAccess& access, TreeReader& trees);

}  // namespace topgun::gateway
