// All endpoints below /api/admin (core.md 9.2) and what they need to work.
//
// Owned by the loop, outlives its router's requests; one thread.
#pragma once

#include <string>

#include "access/policy_store.h"
#include "auth/token_verifier.h"
#include "base/clock.h"
#include "dispatch/cluster_view.h"
#include "dispatch/detached_writes.h"
#include "dispatch/io.h"
#include "http/admin_access.h"
#include "http/admin_index_store.h"
#include "http/admin_io.h"
#include "http/admin_maps.h"
#include "http/admin_restore.h"
#include "http/admin_settings.h"
#include "http/router.h"
#include "system/membership.h"
#include "system/system_maps.h"
#include "system/system_store.h"

namespace topgun::gateway {

struct AdminOptions {
  // Without authentication the administration is for the machine itself: on other addresses it
  // does not exist unless the operator says so (core.md 2.10).
  bool mounted = true;
  SettingsInfo settings;
};

// All references outlive the endpoints.
struct AdminDependencies {
  const TokenVerifier* verifier;  // null: no-auth mode
  AddressLimiter& limiter;        // shared by all loops
  std::string stamp_node_id;      // of this loop in timestamps: [a-z0-9-]
  MapLister& maps;
  MapCounter& counter;
  MapReader& reader;
  CellReader& cells;
  LoserReader& losers;
  TreeReader& trees;
  DetachedWrites& writes;
  SystemMaps& system_maps;
  SystemStore& system_store;
  PolicyStore& policies;
  const ClusterView& cluster;
  const Membership& membership;
  const WallClock& clock;
};

class AdminEndpoints {
 public:
  AdminEndpoints(const AdminOptions& options, const AdminDependencies& dependencies);
  AdminEndpoints(const AdminEndpoints&) = delete;
  AdminEndpoints& operator=(const AdminEndpoints&) = delete;

  void Mount(Router& router);
  // What GET /api/admin/settings says of how the process was started, or reloaded.
  void set_settings(const SettingsInfo& info) { settings_.set_info(info); }

 private:
  const bool mounted_;
  const AdminDependencies dependencies_;
  const AdminAccess access_;
  MapListing maps_;
  SettingsStore settings_;
  IndexStore indexes_;
  LoserRestore restore_;
};

}  // namespace topgun::gateway
