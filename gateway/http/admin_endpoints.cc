#include "http/admin_endpoints.h"

#include "http/admin_cluster.h"
#include "http/admin_conflicts.h"
#include "http/admin_indexes.h"
#include "http/admin_policies.h"
#include "http/admin_tree.h"

namespace topgun::gateway {

AdminEndpoints::AdminEndpoints(const AdminOptions& options, const AdminDependencies& dependencies)
    : mounted_(options.mounted),
      dependencies_(dependencies),
      access_(dependencies.verifier, dependencies.limiter),
      maps_(dependencies.maps, dependencies.counter),
      settings_(options.settings, dependencies.system_store, dependencies.system_maps.settings(),
                dependencies.cluster),
      indexes_(dependencies.system_store, dependencies.system_maps.indexes(), dependencies.reader,
               dependencies.cells, dependencies.counter, dependencies.clock),
      restore_(dependencies.stamp_node_id, dependencies.losers, dependencies.cells,
               dependencies.writes, dependencies.clock) {}

void AdminEndpoints::Mount(Router& router) {
  if (!mounted_) return;
  MountMapEndpoints(router, access_, maps_);
  MountTreeEndpoints(router, access_, dependencies_.trees);
  MountSettingsEndpoints(router, access_, settings_);
  MountPolicyEndpoints(router, access_, dependencies_.policies);
  MountIndexEndpoints(router, access_, indexes_);
  MountClusterEndpoints(router, access_, dependencies_.membership, dependencies_.clock);
  MountConflictEndpoints(router, access_, dependencies_.losers, restore_);
}

}  // namespace topgun::gateway
