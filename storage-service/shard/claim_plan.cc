#include "shard/claim_plan.h"

#include <algorithm>

namespace topgun::storage {

ClaimPlan PlanClaims(std::string_view self, const LeaseState& state) {
  ClaimPlan plan;
  const auto place = std::find(state.processes.begin(), state.processes.end(), self);
  if (place == state.processes.end() || state.leases.empty()) return plan;
  const size_t rank = static_cast<size_t>(place - state.processes.begin());
  const size_t shards = state.leases.size();
  const size_t processes = state.processes.size();
  const size_t quota = shards / processes + (rank < shards % processes ? 1 : 0);

  // Each process looks for free shards from its own place on, so that claimers seldom meet.
  std::vector<uint32_t> held;
  std::vector<uint32_t> available;
  for (size_t i = 0; i < shards; ++i) {
    const Lease& lease = state.leases[(i + rank * shards / processes) % shards];
    if (lease.owner == self) held.push_back(lease.shard);
    if (lease.owner.empty()) available.push_back(lease.shard);
  }
  if (held.size() > quota) {
    plan.release.assign(held.begin() + static_cast<ptrdiff_t>(quota), held.end());
  } else {
    plan.missing = quota - held.size();
    const size_t wanted = std::min(plan.missing, available.size());
    plan.claim.assign(available.begin(), available.begin() + static_cast<ptrdiff_t>(wanted));
  }
  return plan;
}

}  // namespace topgun::storage
