#include "access/policy_set.h"

#include <algorithm>

#include "access/caller.h"
#include "base/status.h"

namespace topgun::gateway {
namespace {

bool Concerns(PolicyAction of_policy, Action action) {
  switch (of_policy) {
    case PolicyAction::kRead:
      return action == Action::kRead;
    case PolicyAction::kWrite:
      return action == Action::kWrite;
    case PolicyAction::kRemove:
      return action == Action::kRemove;
    case PolicyAction::kAll:
      return true;
  }
  return false;
}

}  // namespace

bool PolicySet::Allows(const Principal& principal, Action action, std::string_view map,
                       std::string_view value) const {
  const Rules& rules = RulesOf(action, map);
  if (rules.denied) return false;
  query::ConditionContext context{.caller = CallerOf(principal), .data = value};
  const auto holds = [&context](const CompiledPolicy* policy) {
    return policy->condition->Holds(context);
  };
  if (std::any_of(rules.denies.begin(), rules.denies.end(), holds)) return false;
  const bool allowed =
      rules.allowed || std::any_of(rules.allows.begin(), rules.allows.end(), holds);
  return allowed && !context.exhausted();
}

const PolicySet::Rules& PolicySet::RulesOf(Action action, std::string_view map) const {
  auto& remembered = rules_[Index(action)];
  const auto found = remembered.find(ToAbsl(map));
  if (found != remembered.end()) return found->second;
  if (remembered.size() >= kMapsMax) remembered.clear();
  ++lookups_;
  Rules rules;
  for (const auto& policy : policies_) {
    if (!Concerns(policy->policy.action, action) || !policy->pattern.Matches(map)) continue;
    const bool deny = policy->policy.effect == PolicyEffect::kDeny;
    if (policy->condition) {
      (deny ? rules.denies : rules.allows).push_back(policy.get());
    } else {
      (deny ? rules.denied : rules.allowed) = true;
    }
  }
  return remembered.emplace(std::string(map), std::move(rules)).first->second;
}

}  // namespace topgun::gateway
