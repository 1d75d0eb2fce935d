// Conditions of policies: the text form with its errors, the structured form, and what holds.
#include <gtest/gtest.h>

#include <functional>

#include "access/caller.h"
#include "access/condition_parser.h"
#include "access/map_pattern.h"
#include "msgpack/writer.h"
#include "query/predicate.h"

namespace topgun::gateway {
namespace {

using query::Condition;
using query::ConditionContext;

using Fill = std::function<void(msgpack::Writer&)>;

std::string Packed(const Fill& fill) {
  std::string bytes;
  msgpack::Writer writer(bytes);
  fill(writer);
  return bytes;
}

std::string PackedText(std::string_view text) {
  return Packed([&](msgpack::Writer& writer) { writer.Str(text); });
}

std::string PackedArray(std::initializer_list<std::string_view> texts) {
  return Packed([&](msgpack::Writer& writer) {
    writer.ArrayHeader(static_cast<uint32_t>(texts.size()));
    for (const std::string_view text : texts) writer.Str(text);
  });
}

// Fields with encoded values.
std::string PackedMap(std::initializer_list<std::pair<std::string_view, std::string>> fields) {
  return Packed([&](msgpack::Writer& writer) {
    writer.MapHeader(static_cast<uint32_t>(fields.size()));
    for (const auto& [name, value] : fields) {
      writer.Str(name);
      writer.Raw(value);
    }
  });
}

std::string PackedNumber(double number) {
  return Packed([&](msgpack::Writer& writer) { writer.Number(number); });
}
std::string PackedBool(bool value) {
  return Packed([&](msgpack::Writer& writer) { writer.Bool(value); });
}
const std::string kNil = "\xc0";

const Principal kAlice{.user_id = "alice", .roles = {"USER", "editor"}};
const Principal kNobody;

bool Holds(std::string_view text, const Principal& principal, std::string_view data) {
  const StatusOr<Condition> condition = ParseCondition(text);
  EXPECT_TRUE(condition.ok()) << text << ": " << condition.status();
  ConditionContext context{.caller = CallerOf(principal), .data = data};
  return condition.ok() && condition->Holds(context);
}

// A value with a field of every kind.
std::string Value() {
  return PackedMap({{"ownerId", PackedText("alice")},
                    {"count", PackedNumber(10)},
                    {"ratio", PackedNumber(2.5)},
                    {"open", PackedBool(true)},
                    {"none", kNil},
                    {"empty", PackedText("")},
                    {"tags", PackedArray({"a", "b"})},
                    {"nested", PackedMap({{"owner", PackedMap({{"id", PackedText("alice")}})}})}});
}

TEST(MapPatternTest, ComparesSegmentBySegment) {
  struct Case {
    std::string_view pattern;
    std::string_view map;
    bool matches;
  };
  for (const Case& test : std::initializer_list<Case>{
           {"docs", "docs", true},
           {"docs", "Docs", false},
           {"docs", "docs.a", false},
           {"docs", "doc", false},
           {"tenant.*", "tenant.a", true},
           {"tenant.*", "tenant", false},
           {"tenant.*", "tenant.a.b", false},
           {"tenant.*", "tenant.", true},
           {"*.docs", "a.docs", true},
           {"*.*", "a", false},
           {"*", "a", true},
           {"*", "a.b.c", true},
           {"*", "", true},
           {"**", "", true},
           {"**", "a.b", true},
           {"a.**", "a", true},
           {"a.**", "a.b.c", true},
           {"a.**", "ab", false},
           {"**.z", "z", true},
           {"**.z", "a.b.z", true},
           {"**.z", "a.z.b", false},
           {"a.**.z", "a.z", true},
           {"a.**.z", "a.z.y.z", true},
           {"a.**.m.**.z", "a.b.m.c.m.d.z", true},
           {"a.**.m.**.z", "a.b.c.z", false},
           {"a.**.*.z", "a.z", false},
           {"a.**.*.z", "a.b.z", true},
           {"a..b", "a..b", true},
           {"a.*.b", "a..b", true},
           {"user-*", "user-*", true},
           {"user-*", "user-1", false},
           {"a.***", "a.***", true},
           {"a.***", "a.b", false},
       }) {
    const StatusOr<MapPattern> pattern = MapPattern::Parse(test.pattern);
    ASSERT_TRUE(pattern.ok()) << test.pattern;
    EXPECT_EQ(pattern->Matches(test.map), test.matches) << test.pattern << " " << test.map;
  }
}

TEST(MapPatternTest, TakesNoTimeForHostileNames) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "**.a.";
  std::string name;
  for (int i = 0; i < 500; ++i) name += "a.";
  const StatusOr<MapPattern> pattern = MapPattern::Parse(text + "b");
  ASSERT_TRUE(pattern.ok());
  EXPECT_FALSE(pattern->Matches(name + "c"));
  EXPECT_TRUE(pattern->Matches(name + "b"));
}

TEST(MapPatternTest, SaysWhatIsWrong) {
  EXPECT_EQ(Message(MapPattern::Parse("").status()), "must not be empty");
  EXPECT_FALSE(MapPattern::Parse(std::string(MapPattern::kBytesMax + 1, 'a')).ok());
  EXPECT_TRUE(MapPattern::Parse(std::string(MapPattern::kBytesMax, 'a')).ok());
}

TEST(ConditionTest, ComparesWithoutCoercion) {
  const std::string value = Value();
  for (const std::string_view text : {
           "auth.id == data.ownerId",
           "data.ownerId == auth.id",
           "ownerId == 'alice'",
           "data.nested.owner.id == auth.id",
           "data.count == 10",
           "data.count == 10.0",
           "data.ratio > 2.4 && data.ratio < 2.6",
           "data.count >= 10 && data.count <= 10",
           "data.count != '10'",
           "data.count > -1",
           "data.open == true",
           "data.open != 1",
           "data.none == null",
           "data.missing == null",
           "data.nested.missing.deeper == null",
           "data.ownerId.deeper == null",
           "data.ownerId != null",
           "data.empty == ''",
           "data.empty != null",
           "data.ownerId > 'Alice'",
           "data.ownerId startsWith 'al'",
           "data.ownerId endsWith 'ice'",
           "data.ownerId contains 'lic'",
           "data.tags contains 'a'",
           "'a' in data.tags",
           "data.tags == data.tags",
           "data.tags containsAll data.tags",
           "data.tags containsAll 'a'",
           "data.tags containsAny data.tags",
           "auth.roles contains 'editor'",
           "'USER' in auth.roles",
           "auth != null",
           "null == null",
           "data != null",
       }) {
    EXPECT_TRUE(Holds(text, kAlice, value)) << text;
  }
  for (const std::string_view text : {
           "auth.id != data.ownerId",
           "data.count == '10'",
           "data.count > '9'",
           "data.open == 'true'",
           "data.open > false",
           "data.none > 0",
           "data.none <= null",
           "data.missing == data.missing",
           "data.missing == data.none",
           "data.missing == ''",
           "data.none == 0",
           "data.tags contains 'c'",
           "data.tags containsAll auth.roles",
           "data.tags containsAny auth.roles",
           "data.ownerId containsAll 'a'",
           "auth.roles contains 'admin'",
           "auth.roles contains 'user'",
           "'x' in data.ownerId",
           "data.count startsWith '1'",
           "auth == 'alice'",
       }) {
    EXPECT_FALSE(Holds(text, kAlice, value)) << text;
  }
}

TEST(ConditionTest, NobodyOwnsNothing) {
  const std::string value = PackedMap({{"title", PackedText("x")}});
  EXPECT_FALSE(Holds("auth.id == data.ownerId", kNobody, value));
  EXPECT_TRUE(Holds("auth.id != data.ownerId", kNobody, value));
  EXPECT_TRUE(Holds("auth.id == null && auth == null && auth.roles == null", kNobody, value));
  EXPECT_FALSE(Holds("auth.id == data.ownerId", kAlice, value));
  EXPECT_FALSE(Holds("auth.id == data.ownerId", kAlice, {}));
  EXPECT_TRUE(Holds("data == null && data.ownerId == null", kAlice, {}));
}

TEST(ConditionTest, TheLastOfTwoFieldsCounts) {
  const std::string value =
      PackedMap({{"ownerId", PackedText("alice")}, {"ownerId", PackedText("bob")}});
  EXPECT_FALSE(Holds("auth.id == data.ownerId", kAlice, value));
}

TEST(ConditionTest, AndBindsMoreThanOrAndNotMoreThanBoth) {
  const std::string value = Value();
  EXPECT_TRUE(Holds("count == 10 || count == 1 && count == 2", kAlice, value));
  EXPECT_FALSE(Holds("(count == 10 || count == 1) && count == 2", kAlice, value));
  EXPECT_FALSE(Holds("!count == 10 || count == 2", kAlice, value));
  EXPECT_TRUE(Holds("!(count == 1 || count == 2) && !!(count == 10)", kAlice, value));
  EXPECT_TRUE(Holds(" \t\ncount==10&&!( count<10 )", kAlice, value));
}

TEST(ConditionTest, LeavesRawBytesAlone) {
  const std::string value = PackedMap({{"f", std::string("\xc4\x01z")}, {"g", "\xc4\x01z"}});
  EXPECT_TRUE(Holds("data.f == data.g", kAlice, value));
  EXPECT_FALSE(Holds("data.f == 'z'", kAlice, value));
}

TEST(ConditionTest, StopsWhenReadingCostsTooMuch) {
  const std::string value = Packed([](msgpack::Writer& writer) {
    writer.MapHeader(1);
    writer.Str("list");
    writer.ArrayHeader(2'000);
    for (int i = 0; i < 2'000; ++i) writer.Int(i);
  });
  const StatusOr<Condition> condition = ParseCondition("data.list containsAll data.list");
  ASSERT_TRUE(condition.ok());
  ConditionContext context{.caller = CallerOf(kAlice), .data = value};
  condition->Holds(context);
  EXPECT_TRUE(context.exhausted());
}

TEST(ConditionParserTest, SaysWhereAndWhatWasExpected) {
  struct Case {
    std::string_view text;
    std::string_view error;
  };
  for (const Case& test : std::initializer_list<Case>{
           {"",
            "position 1: expected a field, a 'text', a number, true, false or null, found the "
            "end"},
           {"auth.id", "position 8: expected an operator such as == or contains, found the end"},
           {"auth.id ==",
            "position 11: expected a field, a 'text', a number, true, false or null, "
            "found the end"},
           {"auth.id = data.x", "position 9: use == to compare"},
           {"auth.id === data.x", "position 9: use == and != to compare"},
           {"a == 1 & b == 2", "position 8: use && for and"},
           {"a == 1 | b == 2", "position 8: use || for or"},
           {"a == \"x\"", "position 6: texts are written in single quotes"},
           {"a == 'x", "position 6: this text has no closing quote"},
           {"a == 1.2.3", "position 9: a number is digits, with a decimal point at most"},
           {"a == 1x", "position 7: a number is digits, with a decimal point at most"},
           {"a. == 1", "position 3: expected the name of a field after the dot"},
           {"a == #", "position 6: this character means nothing here"},
           {"(a == 1", "position 8: expected ')' for the one opened at position 1, found the end"},
           {"a == 1)", "position 7: expected '&&', '||' or the end, found ')'"},
           {"a == 1 b == 2", "position 8: expected '&&', '||' or the end, found 'b'"},
           {"auth.tenant == 1", "position 1: of the caller only auth.id and auth.roles are known"},
           {"in in data.x",
            "position 1: expected a field, a 'text', a number, true, false or "
            "null, found 'in'"},
           {"!",
            "position 2: expected a field, a 'text', a number, true, false or null, found the "
            "end"},
       }) {
    const StatusOr<Condition> condition = ParseCondition(test.text);
    ASSERT_FALSE(condition.ok()) << test.text;
    EXPECT_EQ(Message(condition.status()), test.error) << test.text;
  }
}

TEST(ConditionParserTest, HasLimits) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '(') + "a == 1" + std::string(depth, ')');
  };
  EXPECT_TRUE(ParseCondition(nested(kConditionDepthMax)).ok());
  const StatusOr<Condition> too_deep = ParseCondition(nested(kConditionDepthMax + 1));
  EXPECT_EQ(Message(too_deep.status()),
            "position 33: more than 32 parentheses and negations within each other");
  EXPECT_FALSE(ParseCondition(std::string(kConditionDepthMax + 1, '!') + "a == 1").ok());

  std::string chain = "a == 1";
  while (chain.size() + 10 <= kConditionBytesMax) chain += " || a == 1";
  EXPECT_TRUE(ParseCondition(chain).ok());
  EXPECT_FALSE(Holds(chain, kAlice, {}));
  chain.resize(kConditionBytesMax + 1, ' ');
  EXPECT_EQ(Message(ParseCondition(chain).status()), "must have at most 4096 bytes");
  EXPECT_FALSE(ParseCondition("a == " + std::string(400, '9')).ok());
}

// Every prefix and every text with one byte changed is either a condition or refused.
TEST(ConditionParserTest, SurvivesDamagedTexts) {
  const std::string text =
      "!(auth.id == data.ownerId || data.n >= -1.5) && auth.roles containsAny 'x' && a != null";
  ASSERT_TRUE(ParseCondition(text).ok());
  size_t refused = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!ParseCondition(text.substr(0, i)).ok()) ++refused;
    for (const char c : {'\0', '\'', '(', '=', '\xff', '9', '.'}) {
      std::string damaged = text;
      damaged[i] = c;
      const StatusOr<Condition> condition = ParseCondition(damaged);
      ConditionContext context{.caller = CallerOf(kAlice), .data = {}};
      if (condition.ok()) {
        condition->Holds(context);
      } else {
        EXPECT_TRUE(Message(condition.status()).starts_with("position ")) << damaged;
      }
    }
  }
  EXPECT_GT(refused, 60U);
}

std::string Leaf(std::string_view op, std::string_view attribute, std::string value) {
  return PackedMap(
      {{"op", PackedText(op)}, {"attribute", PackedText(attribute)}, {"value", std::move(value)}});
}

std::string Group(std::string_view op, std::initializer_list<std::string> children) {
  const std::string array = Packed([&](msgpack::Writer& writer) {
    writer.ArrayHeader(static_cast<uint32_t>(children.size()));
    for (const std::string& child : children) writer.Raw(child);
  });
  return PackedMap({{"op", PackedText(op)}, {"children", array}});
}

StatusOr<Condition> ParsePredicate(std::string_view predicate) {
  return query::ParsePredicate(predicate, query::PredicateKind::kOfPolicy);
}

bool PredicateHolds(const std::string& predicate) {
  const StatusOr<Condition> condition = ParsePredicate(predicate);
  EXPECT_TRUE(condition.ok()) << condition.status();
  const std::string value = Value();
  ConditionContext context{.caller = CallerOf(kAlice), .data = value};
  return condition.ok() && condition->Holds(context);
}

TEST(PredicateTest, FollowsTheRulesOfQueries) {
  const std::string yes = Leaf("eq", "count", PackedNumber(10));
  const std::string no = Leaf("eq", "count", PackedNumber(11));
  EXPECT_TRUE(PredicateHolds(yes));
  EXPECT_FALSE(PredicateHolds(no));
  EXPECT_TRUE(PredicateHolds(Leaf("neq", "count", PackedNumber(11))));
  EXPECT_FALSE(PredicateHolds(Leaf("neq", "missing", PackedNumber(11))));
  EXPECT_FALSE(PredicateHolds(Leaf("eq", "none", kNil)));
  EXPECT_FALSE(PredicateHolds(Leaf("neq", "count", kNil)));
  EXPECT_TRUE(PredicateHolds(Leaf("isNull", "missing", kNil)));
  EXPECT_TRUE(PredicateHolds(Leaf("isNotNull", "auth.id", kNil)));
  EXPECT_TRUE(PredicateHolds(Leaf("eq", "auth.id", PackedText("alice"))));
  EXPECT_TRUE(PredicateHolds(Leaf("in", "ownerId", PackedArray({"bob", "alice"}))));
  EXPECT_TRUE(PredicateHolds(Leaf("in", "tags", PackedText("a"))));
  EXPECT_TRUE(PredicateHolds(Leaf("containsAll", "tags", PackedArray({"a", "b"}))));
  EXPECT_TRUE(PredicateHolds(Leaf("containsAll", "tags", PackedArray({}))));
  EXPECT_FALSE(PredicateHolds(Leaf("containsAny", "tags", PackedArray({}))));
  EXPECT_TRUE(PredicateHolds(Group("and", {})));
  EXPECT_FALSE(PredicateHolds(Group("or", {})));
  EXPECT_TRUE(PredicateHolds(Group("not", {})));
  EXPECT_TRUE(PredicateHolds(Group("not", {no, yes})));
  EXPECT_TRUE(PredicateHolds(Group("and", {yes, Group("or", {no, yes})})));
  const std::string between = Packed([](msgpack::Writer& writer) {
    writer.ArrayHeader(2);
    writer.Int(10);
    writer.Int(12);
  });
  EXPECT_TRUE(PredicateHolds(Leaf("between", "count", between)));
  EXPECT_TRUE(PredicateHolds(PackedMap({{"op", PackedText("eq")},
                                        {"attribute", PackedText("ownerId")},
                                        {"value", PackedText("bob")},
                                        {"valueRef", PackedText("auth.id")}})));
}

TEST(PredicateTest, KnowsPatterns) {
  EXPECT_TRUE(PredicateHolds(Leaf("like", "ownerId", PackedText("AL%_e"))));
  EXPECT_FALSE(PredicateHolds(Leaf("like", "ownerId", PackedText("al"))));
  EXPECT_TRUE(PredicateHolds(Leaf("regex", "auth.id", PackedText("^a.*e$"))));
  EXPECT_FALSE(PredicateHolds(Leaf("regex", "ownerId", PackedText("^A"))));
  EXPECT_FALSE(PredicateHolds(Leaf("regex", "count", PackedText("1"))));
  EXPECT_TRUE(PredicateHolds(PackedMap({{"op", PackedText("like")},
                                        {"attribute", PackedText("ownerId")},
                                        {"valueRef", PackedText("auth.id")}})));
}

// Unlike in queries: what a policy said before must not come to mean more.
TEST(PredicateTest, FindsNoPartsOfTexts) {
  EXPECT_FALSE(PredicateHolds(Leaf("containsAll", "ownerId", PackedArray({"al"}))));
  EXPECT_FALSE(PredicateHolds(Leaf("containsAny", "ownerId", PackedArray({"al"}))));
}

TEST(PredicateTest, ContainersAreEqualWhateverTheirEncoding) {
  const auto holds = [](const std::string& wanted, const std::string& found) {
    const StatusOr<Condition> condition = ParsePredicate(Leaf("eq", "field", wanted));
    EXPECT_TRUE(condition.ok()) << condition.status();
    const std::string data = PackedMap({{"field", found}});
    ConditionContext context{.caller = CallerOf(kAlice), .data = data};
    return condition.ok() && condition->Holds(context);
  };
  const std::string map = PackedMap({{"a", PackedNumber(1)}, {"b", kNil}});
  EXPECT_TRUE(holds(map, PackedMap({{"b", kNil}, {"a", PackedNumber(1)}})));
  EXPECT_TRUE(holds(
      map, std::string("\xde\x00\x02\xa1\x61\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xa1\x62\xc0", 17)))
      << "16-bit count, 1.0 as a double";
  EXPECT_FALSE(holds(map, PackedMap({{"a", PackedNumber(1)}})));
  EXPECT_FALSE(holds(map, PackedMap({{"a", PackedNumber(1)}, {"c", kNil}})));
  EXPECT_FALSE(holds(map, PackedMap({{"a", PackedNumber(2)}, {"b", kNil}})));
  EXPECT_TRUE(holds(PackedArray({"x", "y"}), PackedArray({"x", "y"})));
  EXPECT_FALSE(holds(PackedArray({"x", "y"}), PackedArray({"y", "x"})));
  EXPECT_FALSE(holds(PackedArray({"x"}), PackedArray({"x", "y"})));
  EXPECT_FALSE(holds(PackedArray({}), PackedMap({})));
}

TEST(PredicateTest, SaysWhatIsWrong) {
  const auto problem = [](const std::string& predicate) {
    return std::string(Message(ParsePredicate(predicate).status()));
  };
  EXPECT_EQ(problem(PackedNumber(1)), "a predicate must be an object");
  EXPECT_EQ(problem(PackedMap({})), "op: missing");
  EXPECT_EQ(problem(Leaf("match", "a", PackedText("x"))), "op: 'match' is not known in policies");
  EXPECT_EQ(problem(Leaf("contains", "a", PackedText("x"))),
            "op: 'contains' is not known in policies");
  EXPECT_EQ(problem(Leaf("regex", "a", PackedText("("))),
            "value: not a regular expression: missing ): (");
  EXPECT_EQ(problem(Leaf("regex", "a", PackedText(std::string(1'025, 'x')))),
            "value: an expression must have at most 1024 bytes");
  EXPECT_EQ(problem(PackedMap({{"op", PackedText("regex")},
                               {"attribute", PackedText("a")},
                               {"valueRef", PackedText("auth.id")}})),
            "valueRef: regex takes a value only");
  EXPECT_EQ(problem(PackedMap({{"op", PackedText("like")},
                               {"attribute", PackedText("a")},
                               {"valueRef", PackedText("a")}})),
            "valueRef: must start with auth. or data.");
  EXPECT_EQ(problem(Group("and", {Leaf("eq", "a", kNil), Leaf("eq", "", kNil)})),
            "children[1].attribute: missing");
  EXPECT_EQ(problem(Group("or", {Group("and", {Leaf("between", "a", kNil)})})),
            "children[0].children[0].value: must be an array of two");
  EXPECT_EQ(problem(PackedMap({{"op", PackedText("eq")}, {"atribute", kNil}})),
            "atribute: unknown field");
  std::string deep = Leaf("eq", "a", PackedNumber(1));
  constexpr size_t kDepthMax = query::LimitsOf(query::PredicateKind::kOfPolicy).depth;
  for (size_t i = 0; i < kDepthMax; ++i) deep = Group("not", {deep});
  EXPECT_FALSE(ParsePredicate(deep).ok());
  EXPECT_FALSE(ParsePredicate(Leaf("eq", "a", PackedText(std::string(20'000, 'x')))).ok());
  EXPECT_FALSE(ParsePredicate("\x81").ok());
}

}  // namespace
}  // namespace topgun::gateway
