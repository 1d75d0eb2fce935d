// `where` and `predicate` of queries: what passes, what is refused, what it may cost. The operators
// themselves are compared with the golden vectors in tests/contract/query_predicates_test.cc.
#include <gtest/gtest.h>

#include <string>

#include "msgpack/writer.h"
#include "query/filter.h"
#include "query/predicate.h"
#include "query_pack.h"

namespace topgun::query {
namespace {

bool Passes(std::string_view where, std::string_view predicate, std::string_view key,
            std::string_view value) {
  const StatusOr<Filter> filter =
      Filter::Parse(where.empty() ? "" : Pack(where), predicate.empty() ? "" : Pack(predicate));
  EXPECT_TRUE(filter.ok()) << filter.status();
  return filter.ok() && filter->Matches(key, Pack(value));
}

bool PassesWhere(std::string_view where, std::string_view value, std::string_view key = "k") {
  return Passes(where, {}, key, value);
}

bool PassesPredicate(std::string_view predicate, std::string_view value,
                     std::string_view key = "k") {
  return Passes({}, predicate, key, value);
}

std::string Problem(std::string_view where, std::string_view predicate) {
  const StatusOr<Filter> filter = Filter::Parse(where, predicate);
  if (filter.ok()) return "";
  EXPECT_EQ(filter.status().code(), StatusCode::kInvalidArgument);
  return std::string(Message(filter.status()));
}

TEST(FilterTest, PassesEveryRowWhenThereIsNothingToAsk) {
  for (const char* const nothing : {"", "\xc0", "\x80"}) {
    const StatusOr<Filter> filter = Filter::Parse(nothing, nothing);
    ASSERT_TRUE(filter.ok());
    EXPECT_TRUE(filter->empty());
    EXPECT_TRUE(filter->Matches("k", Pack("7")));
    EXPECT_FALSE(filter->Matches("k", Pack("null"))) << "a nil value is no row";
    EXPECT_FALSE(filter->Matches("k", ""));
  }
  EXPECT_FALSE(PassesPredicate(R"({"op":"isNull","attribute":"a"})", "null"));
}

TEST(FilterTest, WhereWantsEveryFieldEqual) {
  EXPECT_TRUE(PassesWhere(R"({"a":1,"b":"x"})", R"({"b":"x","c":2,"a":1})"));
  EXPECT_FALSE(PassesWhere(R"({"a":1,"b":"x"})", R"({"a":1})"));
  EXPECT_FALSE(PassesWhere(R"({"a":1})", R"({"a":"1"})"));
  EXPECT_FALSE(PassesWhere(R"({"a":1})", R"({"a":true})"));
  EXPECT_FALSE(PassesWhere(R"({"a":1})", R"("a")"));
  EXPECT_FALSE(PassesWhere(R"({"a":null})", R"({"a":null})"));
  EXPECT_FALSE(PassesWhere(R"({"a":null})", R"({})"));
  EXPECT_TRUE(PassesWhere(R"({"a.b":1})", R"({"a":{"b":1}})"));
  EXPECT_FALSE(PassesWhere(R"({"a.b":1})", R"({"a.b":1})"));
  EXPECT_TRUE(PassesWhere(R"({"a":[1,{"x":2,"y":3}]})", R"({"a":[1,{"y":3,"x":2}]})"));
}

TEST(FilterTest, WhereComparesByOperators) {
  EXPECT_TRUE(PassesWhere(R"({"n":{"$gt":1,"$lte":3}})", R"({"n":3})"));
  EXPECT_FALSE(PassesWhere(R"({"n":{"$gt":1,"$lte":3}})", R"({"n":1})"));
  EXPECT_FALSE(PassesWhere(R"({"n":{"$gt":1,"$lte":3}})", R"({"n":4})"));
  EXPECT_TRUE(PassesWhere(R"({"n":{"$gte":1,"$lt":3}})", R"({"n":1})"));
  EXPECT_FALSE(PassesWhere(R"({"n":{"$lt":3}})", R"({"n":"1"})"));
  EXPECT_TRUE(PassesWhere(R"({"n":{"$ne":3}})", R"({"n":"3"})"));
  EXPECT_FALSE(PassesWhere(R"({"n":{"$ne":3}})", R"({"n":3.0})"));
  EXPECT_FALSE(PassesWhere(R"({"n":{"$ne":3}})", R"({})"));
  EXPECT_FALSE(PassesWhere(R"({"n":{"$ne":null}})", R"({"n":3})"));
}

TEST(FilterTest, WhereTakesOtherMapsForValues) {
  EXPECT_TRUE(PassesWhere(R"({"n":{"$foo":1}})", R"({"n":{"$foo":1}})"));
  EXPECT_TRUE(PassesWhere(R"({"n":{"$gt":1,"x":2}})", R"({"n":{"x":2,"$gt":1}})"));
  EXPECT_FALSE(PassesWhere(R"({"n":{"$gt":1,"x":2}})", R"({"n":5})"));
  EXPECT_TRUE(PassesWhere(R"({"n":{}})", R"({"n":{}})"));
  EXPECT_FALSE(PassesWhere(R"({"n":{}})", R"({"n":1})"));
}

TEST(FilterTest, WantsBoth) {
  const char* const predicate = R"({"op":"gt","attribute":"n","value":1})";
  EXPECT_TRUE(Passes(R"({"a":1})", predicate, "k", R"({"a":1,"n":2})"));
  EXPECT_FALSE(Passes(R"({"a":1})", predicate, "k", R"({"a":1,"n":1})"));
  EXPECT_FALSE(Passes(R"({"a":1})", predicate, "k", R"({"a":2,"n":2})"));
}

TEST(FilterTest, KnowsTheKeyAndValuesThatAreNoMaps) {
  const char* const keys = R"({"op":"in","attribute":"_key","value":["k1","k2"]})";
  EXPECT_TRUE(PassesPredicate(keys, "{}", "k2"));
  EXPECT_TRUE(PassesPredicate(keys, "7", "k1"));
  EXPECT_FALSE(PassesPredicate(keys, R"({"_key":"k1"})", "k3")) << "the key, not a field";
  EXPECT_FALSE(
      PassesPredicate(R"({"op":"isNotNull","attribute":"_key.a"})", R"({"_key":{"a":1}})"));
  EXPECT_TRUE(PassesWhere(R"({"_key":"k"})", "[]"));

  const char* const value = R"({"op":"gte","attribute":"_value","value":7})";
  EXPECT_TRUE(PassesPredicate(value, "7"));
  EXPECT_FALSE(PassesPredicate(value, "6"));
  EXPECT_FALSE(PassesPredicate(value, R"({"n":7})"));
  EXPECT_TRUE(PassesPredicate(value, R"({"_value":7})")) << "of a map its field";
  EXPECT_TRUE(PassesPredicate(R"({"op":"contains","attribute":"_value","value":2})", "[1,2]"));
  EXPECT_TRUE(PassesPredicate(R"({"op":"isNull","attribute":"_value.a"})", "[1,2]"));
}

TEST(FilterTest, HasNoCaller) {
  const char* const row = R"({"auth":{"id":"x"},"data":{"a":1},"a":2})";
  EXPECT_TRUE(PassesPredicate(R"({"op":"eq","attribute":"auth.id","value":"x"})", row));
  EXPECT_TRUE(PassesPredicate(R"({"op":"isNull","attribute":"auth.id"})", row));
  EXPECT_FALSE(PassesPredicate(R"({"op":"isNotNull","attribute":"auth"})", row));
  EXPECT_TRUE(PassesPredicate(R"({"op":"isNull","attribute":"auth.other"})", row));
  EXPECT_TRUE(PassesPredicate(R"({"op":"eq","attribute":"data.a","value":1})", row));
  EXPECT_TRUE(PassesPredicate(R"({"op":"neq","attribute":"a","valueRef":"data.data.a"})", row));
  EXPECT_FALSE(PassesPredicate(R"({"op":"neq","attribute":"a","valueRef":"auth.id"})", row));
}

TEST(FilterTest, TellsReferencesToNilFromReferencesToNothing) {
  const char* const predicate = R"({"op":"neq","attribute":"a","valueRef":"data.b"})";
  EXPECT_TRUE(PassesPredicate(predicate, R"({"a":1,"b":null})"));
  EXPECT_FALSE(PassesPredicate(predicate, R"({"a":1})"));
  EXPECT_FALSE(PassesPredicate(predicate, R"({"b":null})"));
  EXPECT_TRUE(PassesPredicate(predicate, R"({"a":1,"b":2})"));
  EXPECT_FALSE(PassesPredicate(R"({"op":"neq","attribute":"a","value":2,"valueRef":"b"})",
                               R"({"a":1,"b":2})"));
  EXPECT_TRUE(PassesPredicate(R"({"op":"between","attribute":"a","valueRef":"data.range"})",
                              R"({"a":5,"range":[1,9]})"));
  EXPECT_TRUE(PassesPredicate(R"({"op":"like","attribute":"a","valueRef":"data.b"})",
                              R"({"a":"Xyz","b":"x%"})"));
  EXPECT_FALSE(PassesPredicate(R"({"op":"regex","attribute":"a","valueRef":"data.b"})",
                               R"({"a":"x","b":"x"})"));
}

TEST(FilterTest, IgnoresWhatItDoesNotKnow) {
  EXPECT_TRUE(PassesPredicate(
      R"({"op":"eq","attribute":"a","value":1,"matchOptions":{"fuzzy":true},"slop":2})",
      R"({"a":1})"));
  for (const char* const op : {"match", "matchPhrase", "matchPrefix", "near", "EQ"}) {
    const std::string node =
        std::string(R"({"op":")") + op + R"(","attribute":"a","query":"x","value":"x"})";
    EXPECT_FALSE(PassesPredicate(node, R"({"a":"x"})")) << op;
    EXPECT_TRUE(PassesPredicate(
        R"({"op":"or","children":[)" + node + R"(,{"op":"eq","attribute":"a","value":"x"}]})",
        R"({"a":"x"})"))
        << op;
  }
  EXPECT_FALSE(PassesPredicate(R"({"op":"between","attribute":"a","value":5})", R"({"a":5})"));
  EXPECT_FALSE(PassesPredicate(R"({"op":"eq","attribute":null,"value":5})", R"({"a":5})"));
  EXPECT_TRUE(PassesPredicate(R"({"op":"and","children":null})", R"({"a":5})"));
}

TEST(FilterTest, SaysWhatIsWrong) {
  const auto where = [](std::string_view json) { return Problem(Pack(json), ""); };
  const auto predicate = [](std::string_view json) { return Problem("", Pack(json)); };
  EXPECT_EQ(where("[1]"), "where: must be an object");
  EXPECT_EQ(Problem("\x81\x01\x01", ""), "where: must be an object with named fields");
  EXPECT_EQ(predicate("7"), "predicate: a predicate must be an object");
  EXPECT_EQ(predicate(R"({"attribute":"a"})"), "predicate: op: missing");
  EXPECT_EQ(predicate(R"({"op":1})"), "predicate: op: must be a text");
  EXPECT_EQ(predicate(R"({"op":"eq","attribute":1})"), "predicate: attribute: must be a text");
  EXPECT_EQ(predicate(R"({"op":"and","children":{}})"), "predicate: children: must be an array");
  EXPECT_EQ(predicate(R"({"op":"or","children":[{"op":"and"},{"op":"not","children":[3]}]})"),
            "predicate: children[1].children[0].a predicate must be an object");
  EXPECT_TRUE(Problem("\x81", "").starts_with("where: "));
  EXPECT_TRUE(Problem("", "\x81").starts_with("predicate: "));
}

TEST(FilterTest, HasLimits) {
  constexpr PredicateLimits kLimits = LimitsOf(PredicateKind::kOfQuery);
  const auto nested = [](size_t depth) {
    std::string node = Pack(R"({"op":"eq","attribute":"a","value":1})");
    for (size_t i = 1; i < depth; ++i) {
      std::string outer;
      msgpack::Writer writer(outer);
      writer.MapHeader(2);
      writer.Str("op");
      writer.Str("and");
      writer.Str("children");
      writer.ArrayHeader(1);
      writer.Raw(node);
      node = std::move(outer);
    }
    return node;
  };
  EXPECT_EQ(Problem("", nested(kLimits.depth)), "");
  EXPECT_TRUE(Problem("", nested(kLimits.depth + 1)).ends_with("nested too deeply"));

  const auto large = [](size_t size) {
    return Pack(R"({"op":"eq","attribute":"a","value":")" + std::string(size, 'x') + R"("})");
  };
  EXPECT_EQ(Problem("", large(kLimits.bytes - 100)), "");
  EXPECT_EQ(Problem("", large(kLimits.bytes)), "predicate: must have at most 65536 bytes");
  EXPECT_EQ(Problem(large(Filter::kWhereBytesMax), ""), "where: must have at most 65536 bytes");

  const auto regexes = [](size_t count) {
    std::string nodes;
    for (size_t i = 0; i < count; ++i) {
      nodes.append(i == 0 ? "" : ",").append(R"({"op":"regex","attribute":"a","value":"x"})");
    }
    return Pack(R"({"op":"or","children":[)" + nodes + "]}");
  };
  EXPECT_EQ(Problem("", regexes(kRegexesMax)), "");
  EXPECT_EQ(Problem("", regexes(kRegexesMax + 1)),
            "predicate: children[16].op: more than 16 regex");
}

// Of many texts a set is made, so that rows do not pay for the length of the list.
TEST(FilterTest, FindsTextsInLongListsAtOnce) {
  std::string texts = R"(["text 0")";
  for (int i = 1; i < 4'000; ++i) texts += ",\"text " + std::to_string(i) + "\"";
  const auto in = [](std::string_view attribute, const std::string& list) {
    return std::string(R"({"op":"in","attribute":")").append(attribute).append(R"(","value":)") +
           list + "}";
  };
  const std::string listed = in("a", texts + "]");
  EXPECT_TRUE(PassesPredicate(listed, R"({"a":"text 3999"})"));
  EXPECT_FALSE(PassesPredicate(listed, R"({"a":"text 4000"})"));
  EXPECT_FALSE(PassesPredicate(listed, R"({"a":["text 1"]})"));
  EXPECT_FALSE(PassesPredicate(listed, R"({"a":null})"));
  EXPECT_TRUE(PassesPredicate(in("_key", texts + "]"), "{}", "text 17"));
  const std::string mixed = in("a", texts + ",5,[1]]");
  EXPECT_TRUE(PassesPredicate(mixed, R"({"a":5})"));
  EXPECT_TRUE(PassesPredicate(mixed, R"({"a":[1]})"));
  EXPECT_TRUE(PassesPredicate(mixed, R"({"a":"text 3999"})"));

  const StatusOr<Condition> condition = ParsePredicate(Pack(listed), PredicateKind::kOfQuery);
  ASSERT_TRUE(condition.ok());
  const std::string row = Pack(R"({"a":"text 3999"})");
  ConditionContext context{.data = row, .steps = 10};
  EXPECT_TRUE(condition->Holds(context));
  EXPECT_FALSE(context.exhausted());
}

TEST(FilterTest, PassesNothingThatCostsTooMuch) {
  std::string list = "[0";
  for (int i = 1; i < 2'000; ++i) list += "," + std::to_string(i);
  list += "]";
  const char* const predicate = R"({"op":"containsAll","attribute":"list","valueRef":"data.list"})";
  EXPECT_TRUE(PassesPredicate(predicate, R"({"list":[1,2,3]})"));
  EXPECT_FALSE(PassesPredicate(predicate, R"({"list":)" + list + "}"));
  EXPECT_FALSE(PassesPredicate(R"({"op":"not","children":[)" + std::string(predicate) + "]}",
                               R"({"list":)" + list + "}"));
}

}  // namespace
}  // namespace topgun::query
