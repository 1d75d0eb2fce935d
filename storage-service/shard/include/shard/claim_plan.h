// Divides the shards among the live storage processes. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shard/io.h"

namespace topgun::storage {

struct ClaimPlan {
  std::vector<uint32_t> claim;    // free shards to ask for
  std::vector<uint32_t> release;  // our own to give up
  size_t missing = 0;             // between what we hold and our share
};

// Every process gets S/K shards, the first S mod K in order of name one more. The quotas add up to
// S and depend on the membership alone, so each process decides for itself and nothing moves while
// nobody joins or leaves.
ClaimPlan PlanClaims(std::string_view self, const LeaseState& state);

}  // namespace topgun::storage
