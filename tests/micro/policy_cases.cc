// gateway/access: what a write costs once there are policies.
#include <memory>
#include <string_view>

#include "access/caller.h"
#include "access/condition_parser.h"
#include "access/policy_set.h"
#include "case.h"
#include "msgpack/writer.h"
#include "workload.h"

namespace topgun::micro {
namespace {

using gateway::CompiledPolicy;

constexpr std::string_view kOwnOrOpen = "auth.id == data.ownerId || data.state == 'open'";

// Also as `data` of the condition.
std::string Fields(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string bytes;
  msgpack::Writer writer(bytes);
  writer.MapHeader(static_cast<uint32_t>(fields.size()));
  for (const auto& [name, value] : fields) {
    writer.Str(name);
    writer.Str(value);
  }
  return bytes;
}

gateway::Principal Caller() { return {.user_id = "user-17", .roles = {"reader", "editor"}}; }

std::string Data() {
  return Fields({{"title", "a note"}, {"state", "open"}, {"ownerId", "user-4"}});
}

Case::Call EvaluateCondition() {
  auto condition =
      std::make_shared<StatusOr<query::Condition>>(gateway::ParseCondition(kOwnOrOpen));
  return [condition, caller = Caller(), data = Data()] {
    query::ConditionContext context{.caller = gateway::CallerOf(caller), .data = data};
    Keep(condition->value().Holds(context));
  };
}

std::shared_ptr<const CompiledPolicy> MakePolicy(std::string_view id, std::string_view pattern,
                                                 std::string_view condition) {
  const std::string fields = Fields({{"id", id},
                                     {"mapPattern", pattern},
                                     {"action", "write"},
                                     {"effect", "allow"},
                                     {"conditionExpr", condition}});
  auto policy = std::make_shared<CompiledPolicy>();
  if (gateway::ReadPolicy(fields, *policy)) return nullptr;
  return policy;
}

Case::Call CheckWrite() {
  gateway::PolicySet::Policies policies;
  for (size_t map = 0; map < kMaps; ++map) {
    policies.push_back(MakePolicy("policy-" + std::to_string(map), MapName(map), kOwnOrOpen));
  }
  auto set = std::make_shared<gateway::PolicySet>(std::move(policies));
  return [set, caller = Caller(), data = Data(), map = MapName(3)] {
    Keep(set->Allows(caller, gateway::Action::kWrite, map, data));
  };
}

Case::Call ParsePolicyCondition() {
  return [] { Keep(gateway::ParseCondition(kOwnOrOpen).ok()); };
}

}  // namespace

void AddPolicyCases(std::vector<Case>& cases) {
  cases.push_back({.name = "policy/evaluate_condition", .prepare = EvaluateCondition});
  cases.push_back({.name = "policy/check_write", .prepare = CheckWrite});
  cases.push_back({.name = "policy/parse_condition", .prepare = ParsePolicyCondition});
}

}  // namespace topgun::micro
