// GET, POST and DELETE /api/admin/indexes (core.md 9.2).
#pragma once

#include "http/admin_access.h"
#include "http/admin_index_store.h"
#include "http/router.h"

namespace topgun::gateway {

// All references outlive the router.
void MountIndexEndpoints(Router& router, const AdminAccess& access, IndexStore& indexes);

}  // namespace topgun::gateway
