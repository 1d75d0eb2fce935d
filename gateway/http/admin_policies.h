// GET, POST and DELETE /api/admin/policies (core.md 9.2, 10).
#pragma once

#include "access/policy_store.h"
#include "http/admin_access.h"
#include "http/router.h"

namespace topgun::gateway {

// All references outlive the router.
void MountPolicyEndpoints(Router& router, const AdminAccess& access, PolicyStore& policies);

}  // namespace topgun::gateway
