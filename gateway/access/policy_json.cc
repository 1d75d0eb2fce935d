#include "access/policy_json.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "json/msgpack_json.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kDepthMax = 64;

json::string Text(std::string_view text) { return json::string(text.data(), text.size()); }

json::object ObjectOf(const Policy& policy) {
  json::object object{{"id", Text(policy.id)},
                      {"mapPattern", Text(policy.map_pattern)},
                      {"action", Text(Name(policy.action))},
                      {"effect", Text(Name(policy.effect))}};
  if (!policy.condition.empty()) object["condition"] = ToJson(policy.condition);
  if (!policy.condition_expr.empty()) object["conditionExpr"] = Text(policy.condition_expr);
  return object;
}

}  // namespace

std::optional<FieldProblem> ParsePolicyJson(std::string_view body, Policy& out) {
  if (body.size() > kPolicyBodyBytesMax) {
    return FieldProblem{
        {}, "a policy must have at most " + std::to_string(kPolicyBodyBytesMax) + " bytes"};
  }
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::error_code error;
  const json::value value = json::parse({body.data(), body.size()}, error, {}, options);
  if (error) return FieldProblem{{}, "the body is not JSON: " + error.message()};
  std::string fields;
  AppendMsgpack(value, fields);
  CompiledPolicy compiled;
  std::optional<FieldProblem> problem = ReadPolicy(fields, compiled);
  if (!problem) out = std::move(compiled.policy);
  return problem;
}

std::string EncodePolicyJson(const Policy& policy) { return json::serialize(ObjectOf(policy)); }

std::string EncodePolicyListJson(std::span<const Policy> policies,
                                 std::span<const std::string> unreadable) {
  json::array listed;
  for (const Policy& policy : policies) listed.push_back(ObjectOf(policy));
  json::object body{{"policies", std::move(listed)}};
  if (!unreadable.empty()) {
    json::array ids;
    for (const std::string& id : unreadable) ids.push_back(Text(id));
    body["unreadable"] = std::move(ids);
  }
  return json::serialize(body);
}

}  // namespace topgun::gateway
