// predicates.json as policies evaluate it, column "server". What policies do not know is refused
// when the policy is made; of the rest that is refused (a mistake in the predicate) nothing may
// have been true, but for what is a misspelling in all likelihood: a field of the caller that no
// caller has, and a field without a name.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "access/caller.h"
#include "query/predicate.h"
#include "support/vectors.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

// Operators that only clients have.
const std::set<std::string_view> kUnknownOps = {"contains", "match", "near"};

bool HasUnknownOp(const json::value& predicate) {
  const json::object& node = predicate.as_object();
  if (kUnknownOps.contains(support::Text(node.at("op")))) return true;
  const json::value* const children = node.if_contains("children");
  if (children == nullptr) return false;
  for (const json::value& child : children->as_array()) {
    if (HasUnknownOp(child)) return true;
  }
  return false;
}

Principal PrincipalOf(const json::object& item) {
  Principal principal;
  const json::value* const auth = item.if_contains("auth");
  if (auth == nullptr) return principal;
  principal.user_id = support::Text(auth->at("id"));
  for (const json::value& role : auth->at("roles").as_array()) {
    principal.roles.emplace_back(support::Text(role));
  }
  return principal;
}

TEST(PredicateVectors, HoldWhenTheServersDo) {
  size_t evaluated = 0;
  for (const json::value& each : support::LoadVectors("predicates.json").at("cases").as_array()) {
    const json::object& item = each.as_object();
    SCOPED_TRACE(json::serialize(item));
    const bool expected = item.at("server") == json::value(true);
    const std::string predicate = support::ToMsgpack(item.at("predicate"));
    const StatusOr<query::Condition> condition =
        query::ParsePredicate(predicate, query::PredicateKind::kOfPolicy);
    if (HasUnknownOp(item.at("predicate"))) {
      EXPECT_FALSE(condition.ok());
      continue;
    }
    if (!condition.ok()) {
      const std::string problem(Message(condition.status()));
      const bool misspelt =
          problem == "attribute: missing" || problem.find("only auth.id") != std::string::npos;
      EXPECT_TRUE(!expected || misspelt) << problem;
      continue;
    }
    ++evaluated;
    const Principal principal = PrincipalOf(item);
    const std::string record = support::ToMsgpack(item.at("record"));
    query::ConditionContext context{.caller = CallerOf(principal), .data = record};
    EXPECT_EQ(condition->Holds(context), expected);
  }
  EXPECT_GT(evaluated, 540U);
}

}  // namespace
}  // namespace topgun::gateway
