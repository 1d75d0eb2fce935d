// All policies of the cluster, and their decisions (core.md 10, rule 4): of the policies whose
// pattern, action and condition fit, any deny denies, else any allow allows, else it is denied.
//
// Which policies are about a map is remembered, so that a decision costs one lookup and the
// conditions that matter. Limit: kMapsMax maps per action; then all are forgotten. Immutable but
// for that memory; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "access/access.h"
#include "access/policy.h"

namespace topgun::gateway {

class PolicySet {
 public:
  using Policies = std::vector<std::shared_ptr<const CompiledPolicy>>;

  static constexpr size_t kMapsMax = 4'096;

  PolicySet() = default;
  explicit PolicySet(Policies policies) : policies_(std::move(policies)) {}

  size_t size() const { return policies_.size(); }
  size_t maps_remembered(Action action) const { return rules_[Index(action)].size(); }
  // How often policies were looked for since the last call.
  size_t TakeLookups() { return std::exchange(lookups_, 0); }

  bool Allows(const Principal& principal, Action action, std::string_view map,
              std::string_view value) const;

 private:
  // What concerns one map and action.
  struct Rules {
    bool denied = false;   // by a policy without condition
    bool allowed = false;  // likewise
    std::vector<const CompiledPolicy*> denies;
    std::vector<const CompiledPolicy*> allows;
  };

  static size_t Index(Action action) { return static_cast<size_t>(action); }
  const Rules& RulesOf(Action action, std::string_view map) const;

  Policies policies_;
  mutable size_t lookups_ = 0;
  mutable std::array<absl::flat_hash_map<std::string, Rules>, 3> rules_;  // by Action
};

}  // namespace topgun::gateway
