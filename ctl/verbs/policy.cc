// topgunctl policy: who may read and write which maps (docs/policies.md).
#include <boost/json.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/secret_file.h"
#include "table.h"
#include "verbs/verbs.h"

namespace topgun::ctl {
namespace {

namespace json = boost::json;

constexpr size_t kPolicyBytesMax = size_t{64} << 10;
constexpr char kPath[] = "/api/admin/policies";

StatusOr<json::value> Ask(const Session& session, const std::string& path,
                          const std::string& method = "GET", const std::string& body = {}) {
  ASSIGN_OR_RETURN(const std::vector<Gateway> gateways, session.gateways());
  return session.AskGateway(gateways.front(), path, method, body);
}

std::string FieldText(const json::object& policy, json::string_view name) {
  const json::value* const value = policy.if_contains(name);
  if (value == nullptr) return {};
  return value->is_string() ? json::value_to<std::string>(*value) : json::serialize(*value);
}

std::string ConditionOf(const json::object& policy) {
  const std::string predicate = FieldText(policy, "condition");
  const std::string text = predicate.empty() ? FieldText(policy, "conditionExpr") : predicate;
  return text.empty() ? "-" : text;
}

StatusOr<std::string> ReadPolicy(const std::string& file) {
  if (file != "-") return ReadSmallFile(file, kPolicyBytesMax);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

}  // namespace

int RunPolicyList(const Session& session) {
  const auto answer = Ask(session, kPath);
  if (!answer.ok()) return Fail(answer.status());
  if (session.json()) {
    PrintJson(*answer);
    return kYes;
  }
  Table table({"ID", "MAPS", "ACTION", "EFFECT", "CONDITION"});
  for (const json::value& value : answer->at("policies").as_array()) {
    const json::object& policy = value.as_object();
    table.Add({FieldText(policy, "id"), FieldText(policy, "mapPattern"),
               FieldText(policy, "action"), FieldText(policy, "effect"), ConditionOf(policy)});
  }
  table.Print();
  return kYes;
}

int RunPolicyGet(const Session& session, const std::string& id) {
  const auto answer = Ask(session, kPath);
  if (!answer.ok()) return Fail(answer.status());
  for (const json::value& policy : answer->at("policies").as_array()) {
    if (FieldText(policy.as_object(), "id") != id) continue;
    PrintJson(policy);  // what `policy put` takes
    return kYes;
  }
  Fail(NotFound("there is no policy " + id));
  return kNo;
}

int RunPolicyPut(const Session& session, const std::string& file) {
  const auto policy = ReadPolicy(file);
  if (!policy.ok()) return Fail(policy.status());
  const auto created = Ask(session, kPath, "POST", *policy);
  if (!created.ok()) return Fail(created.status());
  if (session.json()) {
    PrintJson(*created);
  } else {
    std::printf("policy %s is in force\n", FieldText(created->as_object(), "id").c_str());
  }
  return kYes;
}

int RunPolicyDelete(const Session& session, const std::string& id) {
  const auto deleted = Ask(session, std::string(kPath) + "/" + EncodePercent(id), "DELETE");
  if (!deleted.ok()) return Fail(deleted.status());
  if (session.json()) {
    PrintJson(json::object{{"deleted", id}});
  } else {
    std::printf("there is no policy %s any more\n", id.c_str());
  }
  return kYes;
}

}  // namespace topgun::ctl
