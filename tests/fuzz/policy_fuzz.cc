// Any bytes, as a condition, as a map pattern, as a policy and as the value that is written.
// Besides not crashing:
//   - a text is refused with a place, or is a condition that any value can be asked about
//   - a policy that can be read survives being written and read again
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access/caller.h"
#include "access/condition_parser.h"
#include "access/map_pattern.h"
#include "access/policy.h"
#include "access/policy_json.h"
#include "query/predicate.h"

namespace topgun::gateway {
namespace {

void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken property: %s\n", what);
  std::abort();
}

void CheckCondition(const StatusOr<query::Condition>& condition, std::string_view value) {
  if (!condition.ok()) return;
  const Principal principal{.user_id = "user", .roles = {"a", "b"}};
  query::ConditionContext context{.caller = CallerOf(principal), .data = value};
  condition->Holds(context);
}

void CheckText(std::string_view bytes) {
  const StatusOr<query::Condition> condition = ParseCondition(bytes);
  CheckCondition(condition, bytes);
  const bool placed = condition.ok() || bytes.size() > kConditionBytesMax ||
                      Message(condition.status()).starts_with("position ");
  Check(placed, "an error says where it is");
  const StatusOr<MapPattern> pattern = MapPattern::Parse(bytes);
  if (pattern.ok()) pattern->Matches(bytes);
}

void CheckPolicy(std::string_view bytes) {
  CompiledPolicy policy;
  if (!ReadPolicyRow("p", bytes, policy)) {
    CompiledPolicy again;
    Check(!ReadPolicyRow("p", EncodePolicyRow(policy.policy), again), "a written row is read");
    Check(again.policy == policy.policy, "a policy survives its row");
  }
  Policy parsed;
  if (ParsePolicyJson(bytes, parsed)) return;
  parsed.id = "p";
  Policy again;
  Check(!ParsePolicyJson(EncodePolicyJson(parsed), again), "written JSON is read");
}

// What follows a zero byte is the value that the condition before it is asked about.
void CheckPair(std::string_view bytes) {
  const size_t end = bytes.find('\0');
  if (end == std::string_view::npos) return;
  CheckCondition(ParseCondition(bytes.substr(0, end)), bytes.substr(end + 1));
}

}  // namespace
}  // namespace topgun::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace topgun::gateway;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckText(bytes);
  CheckCondition(topgun::query::ParsePredicate(bytes, topgun::query::PredicateKind::kOfPolicy),
                 bytes);
  CheckPolicy(bytes);
  CheckPair(bytes);
  return 0;
}
