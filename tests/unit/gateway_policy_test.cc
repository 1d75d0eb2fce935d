// Policies: their fields as JSON and as rows, what a set of them decides, and how they come from
// the mirror and get into the map.
#include <gtest/gtest.h>

#include "access/policy_access.h"
#include "access/policy_json.h"
#include "access/policy_set.h"
#include "access/policy_store.h"
#include "gateway_fakes.h"
#include "msgpack/writer.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

const Principal kPolicyAlice{.user_id = "alice", .roles = {"USER"}};
const Principal kBob{.user_id = "bob", .roles = {"admin"}};
const Principal kPolicyNobody;

std::string OwnedBy(std::string_view owner) {
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(1);
  writer.Str("ownerId");
  writer.Str(owner);
  return value;
}

Policy PolicyOf(std::string_view json) {
  Policy policy;
  const auto problem = ParsePolicyJson(json, policy);
  EXPECT_FALSE(problem) << problem->field << ": " << problem->message;
  return policy;
}

FieldProblem ProblemOf(std::string_view json) {
  Policy policy;
  return ParsePolicyJson(json, policy).value_or(FieldProblem{"none", "none"});
}

TEST(PolicyJsonTest, SurvivesTheWayToTheMapAndBack) {
  for (
      const std::string_view json : {
          R"({"id":"p1","mapPattern":"docs.*","action":"write","effect":"allow","conditionExpr":"auth.id == data.ownerId"})",
          R"({"id":"p2","mapPattern":"*","action":"all","effect":"deny"})",
          R"({"id":"p3","mapPattern":"m","action":"read","effect":"allow","condition":{"op":"and","children":[{"op":"eq","attribute":"n","value":1},{"op":"gt","attribute":"x","value":1.5E0},{"op":"in","attribute":"s","value":["a",true]}]}})",
      }) {
    const Policy policy = PolicyOf(json);
    CompiledPolicy read;
    ASSERT_FALSE(ReadPolicyRow(policy.id, EncodePolicyRow(policy), read));
    EXPECT_EQ(read.policy, policy);
    EXPECT_EQ(EncodePolicyJson(read.policy), json);
  }
}

TEST(PolicyJsonTest, LetsIdAndConditionsBeAbsentOrNull) {
  const Policy policy = PolicyOf(
      R"({"mapPattern":"m","action":"remove","effect":"deny","condition":null,"conditionExpr":null})");
  EXPECT_TRUE(policy.id.empty());
  EXPECT_TRUE(policy.condition.empty());
  EXPECT_TRUE(policy.condition_expr.empty());
}

TEST(PolicyJsonTest, TheStructuredConditionWins) {
  const Policy policy = PolicyOf(
      R"({"mapPattern":"m","action":"read","effect":"deny","condition":{"op":"isNull","attribute":"a"},"conditionExpr":"nonsense"})");
  EXPECT_FALSE(policy.condition.empty());
  EXPECT_TRUE(policy.condition_expr.empty());
}

TEST(PolicyJsonTest, IgnoresWhatCannotBeAMisspeltCondition) {
  Policy policy;
  EXPECT_FALSE(ParsePolicyJson(R"({"mapPattern":"user-*","action":"all","effect":"allow",)"
                               R"("comment":"ours","priority":7,"id":"p"})",
                               policy));
  EXPECT_EQ(policy.id, "p");
  EXPECT_EQ(policy.map_pattern, "user-*");
  EXPECT_EQ(
      ProblemOf(R"({"mapPattern":"m","action":"all","effect":"allow","Expression":"x"})").field,
      "Expression");
}

TEST(PolicyJsonTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(ProblemOf("{").field, "");
  EXPECT_TRUE(ProblemOf("{").message.starts_with("the body is not JSON: "));
  EXPECT_EQ(ProblemOf("[]"), (FieldProblem{"", "a policy must be an object"}));
  EXPECT_EQ(ProblemOf("{}"), (FieldProblem{"mapPattern", "must not be empty"}));
  EXPECT_EQ(ProblemOf(R"({"mapPattern":7})"), (FieldProblem{"mapPattern", "must be a text"}));
  EXPECT_EQ(ProblemOf(R"({"mapPattern":"m"})"),
            (FieldProblem{"action", "must be one of read, write, remove, all"}));
  EXPECT_EQ(ProblemOf(R"({"mapPattern":"m","action":"all","effect":"permit"})"),
            (FieldProblem{"effect", "must be one of allow, deny"}));
  EXPECT_EQ(ProblemOf(R"({"mapPattern":"m","action":"all","effect":"allow","conditonExpr":"x"})"),
            (FieldProblem{"conditonExpr", "unknown field; condition or conditionExpr?"}));
  const FieldProblem expression = ProblemOf(
      R"({"mapPattern":"m","action":"all","effect":"allow","conditionExpr":"auth.id = 'x'"})");
  EXPECT_EQ(expression, (FieldProblem{"conditionExpr", "position 9: use == to compare"}));
  EXPECT_EQ(
      ProblemOf(R"({"mapPattern":"m","action":"all","effect":"allow","conditionExpr":""})").field,
      "conditionExpr");
  EXPECT_EQ(
      ProblemOf(R"({"mapPattern":"m","action":"all","effect":"allow","condition":"x"})").field,
      "condition");
  EXPECT_EQ(
      ProblemOf(
          R"({"mapPattern":"m","action":"all","effect":"allow","condition":{"op":"regex","attribute":"a","value":"("}})"),
      (FieldProblem{"condition", "value: not a regular expression: missing ): ("}));
  EXPECT_EQ(ProblemOf(R"({"id":"$enforced","mapPattern":"m"})").field, "id");
  EXPECT_EQ(ProblemOf(R"({"id":")" + std::string(257, 'x') + R"("})").field, "id");
  EXPECT_EQ(ProblemOf(std::string(kPolicyBodyBytesMax + 1, ' ')).field, "");
}

TEST(PolicyJsonTest, ListsWhatCanBeReadAndWhatCannot) {
  const std::vector<Policy> policies = {
      PolicyOf(R"({"id":"p","mapPattern":"*","action":"all","effect":"deny"})")};
  const std::vector<std::string> unreadable = {"q"};
  EXPECT_EQ(EncodePolicyListJson(policies, {}),
            R"({"policies":[{"id":"p","mapPattern":"*","action":"all","effect":"deny"}]})");
  EXPECT_EQ(EncodePolicyListJson({}, unreadable), R"({"policies":[],"unreadable":["q"]})");
}

PolicySet SetOf(std::initializer_list<std::string_view> jsons) {
  PolicySet::Policies policies;
  for (const std::string_view json : jsons) {
    auto compiled = std::make_shared<CompiledPolicy>();
    EXPECT_FALSE(ReadPolicyRow("p", EncodePolicyRow(PolicyOf(json)), *compiled));
    policies.push_back(std::move(compiled));
  }
  return PolicySet(std::move(policies));
}

TEST(PolicySetTest, DeniesWhatNothingAllows) {
  const PolicySet set = SetOf({R"({"mapPattern":"docs","action":"read","effect":"allow"})"});
  EXPECT_TRUE(set.Allows(kPolicyNobody, Action::kRead, "docs", {}));
  EXPECT_FALSE(set.Allows(kPolicyNobody, Action::kWrite, "docs", {}));
  EXPECT_FALSE(set.Allows(kPolicyNobody, Action::kRemove, "docs", {}));
  EXPECT_FALSE(set.Allows(kPolicyNobody, Action::kRead, "other", {}));
  EXPECT_FALSE(PolicySet().Allows(kPolicyAlice, Action::kRead, "docs", {}));
}

TEST(PolicySetTest, AnyDenyOverridesEveryAllow) {
  const PolicySet set = SetOf(
      {R"({"mapPattern":"*","action":"all","effect":"allow"})",
       R"({"mapPattern":"secret.**","action":"read","effect":"deny"})",
       R"({"mapPattern":"docs","action":"write","effect":"deny","conditionExpr":"data.ownerId != auth.id"})"});
  EXPECT_TRUE(set.Allows(kPolicyAlice, Action::kRead, "docs", {}));
  EXPECT_FALSE(set.Allows(kPolicyAlice, Action::kRead, "secret.a", {}));
  EXPECT_TRUE(set.Allows(kPolicyAlice, Action::kWrite, "secret.a", {}));
  EXPECT_TRUE(set.Allows(kPolicyAlice, Action::kWrite, "docs", OwnedBy("alice")));
  EXPECT_FALSE(set.Allows(kPolicyAlice, Action::kWrite, "docs", OwnedBy("bob")));
  EXPECT_FALSE(set.Allows(kPolicyAlice, Action::kWrite, "docs", {}));
}

TEST(PolicySetTest, OwnersMayWrite) {
  const PolicySet set = SetOf(
      {R"({"mapPattern":"docs","action":"write","effect":"allow","conditionExpr":"auth.id == data.ownerId"})"});
  EXPECT_TRUE(set.Allows(kPolicyAlice, Action::kWrite, "docs", OwnedBy("alice")));
  EXPECT_FALSE(set.Allows(kPolicyAlice, Action::kWrite, "docs", OwnedBy("bob")));
  EXPECT_TRUE(set.Allows(kBob, Action::kWrite, "docs", OwnedBy("bob")));
  EXPECT_FALSE(set.Allows(kPolicyNobody, Action::kWrite, "docs", OwnedBy("")));
}

TEST(PolicySetTest, RemembersMapsUpToALimit) {
  PolicySet set = SetOf({R"({"mapPattern":"*","action":"read","effect":"allow"})"});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(set.Allows(kPolicyAlice, Action::kRead, "m", {}));
  EXPECT_EQ(set.TakeLookups(), 1U);
  for (size_t i = 1; i < PolicySet::kMapsMax; ++i) {
    set.Allows(kPolicyAlice, Action::kRead, "m" + std::to_string(i), {});
  }
  EXPECT_EQ(set.maps_remembered(Action::kRead), PolicySet::kMapsMax);
  EXPECT_TRUE(set.Allows(kPolicyAlice, Action::kRead, "one more", {}));
  EXPECT_EQ(set.maps_remembered(Action::kRead), 1U);
  EXPECT_EQ(set.maps_remembered(Action::kWrite), 0U);
}

TEST(PolicySetTest, DeniesWhenConditionsCostTooMuch) {
  const PolicySet set = SetOf(
      {R"({"mapPattern":"*","action":"write","effect":"allow"})",
       R"({"mapPattern":"*","action":"write","effect":"deny","conditionExpr":"data.a containsAny data.b"})"});
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(2);
  for (const std::string_view name : {"a", "b"}) {
    writer.Str(name);
    writer.ArrayHeader(2'000);
    for (int i = 0; i < 2'000; ++i) writer.Int(name == "a" ? i : -1 - i);
  }
  EXPECT_FALSE(set.Allows(kPolicyAlice, Action::kWrite, "m", value));
  EXPECT_TRUE(set.Allows(kPolicyAlice, Action::kWrite, "m", OwnedBy("x")));
}

std::string PolicyCell(std::string_view value, bool tombstone = false) {
  return state::EncodeCell({.version = {},
                            .commit_ms = 1,
                            .timestamp = {1, 0, "n"},
                            .tombstone = tombstone,
                            .has_ttl = false,
                            .ttl_ms = 0,
                            .value = value});
}

class PolicyAccessTest : public testing::Test {
 protected:
  PolicyAccessTest() {
    access.set_on_change([this] { ++changes; });
    Tick(std::chrono::milliseconds(0));
    mirror.Start();
  }

  void Load(const std::map<std::string, std::string>& rows) { reader.Answer(rows, {{1, 5}}); }
  void Put(std::string_view id, std::string_view value) { Change(id, PolicyCell(value)); }
  void Remove(std::string_view id) { Change(id, PolicyCell({}, true)); }
  void Change(std::string_view id, const std::string& cell) {
    mirror.OnChange({.map = "_topgun_policies",
                     .kind = state::CellKind::kLww,
                     .key = id,
                     .cell = cell,
                     .shard = 0,
                     .position = {1, ++n}});
  }
  void Tick(std::chrono::milliseconds later) {
    now += later;
    mirror.Tick(now);
    access.Tick(now);
  }
  Decision Read(const Principal& principal, std::string_view map = "docs") {
    return access.Check(principal, Action::kRead, map, {});
  }

  static std::string Row(std::string_view json) { return EncodePolicyRow(PolicyOf(json)); }
  static std::string AllowAll() {
    return Row(R"({"mapPattern":"*","action":"all","effect":"allow"})");
  }

  metrics::Registry registry;
  Probe probe{registry, 0};
  support::ManualClock clock{1'700'000'000'000};
  FakeSource source;
  FakeReader reader;
  MapMirror mirror{"_topgun_policies", source, reader, clock};
  PolicyAccess access{{"root", ""}, mirror, probe};
  PolicyAccess::Time now = std::chrono::steady_clock::now();
  uint64_t n = 5;
  int changes = 0;
};

TEST_F(PolicyAccessTest, KnowsNothingBeforeThePoliciesAreRead) {
  EXPECT_EQ(access.state(), AccessControl::State::kUnknown);
  EXPECT_EQ(Read(kPolicyAlice), Decision::kUnknown);
  EXPECT_EQ(Read({.user_id = "root", .roles = {}}), Decision::kUnknown);
  EXPECT_EQ(Read(kPolicyAlice, "_topgun_policies"), Decision::kDeny);
  Load({});
  EXPECT_TRUE(access.open());
  EXPECT_EQ(Read(kPolicyAlice), Decision::kAllow);
  EXPECT_EQ(changes, 1);
}

TEST_F(PolicyAccessTest, ClosesWithTheFirstPolicyAndStaysClosed) {
  Load({});
  const uint64_t version = access.version();
  Put("p", Row(R"({"mapPattern":"docs","action":"read","effect":"allow"})"));
  EXPECT_EQ(access.state(), AccessControl::State::kEnforced);
  EXPECT_GT(access.version(), version);
  EXPECT_EQ(Read(kPolicyAlice), Decision::kAllow);
  EXPECT_EQ(Read(kPolicyAlice, "other"), Decision::kDeny);
  Put(kPolicyMarker, "\xc3");
  Remove("p");
  EXPECT_EQ(access.state(), AccessControl::State::kEnforced);
  EXPECT_EQ(Read(kPolicyAlice), Decision::kDeny);
}

TEST_F(PolicyAccessTest, AdminSubjectsPassAndTheRoleDoesNot) {
  Load({{std::string(kPolicyMarker), "\xc3"},
        {"p", Row(R"({"mapPattern":"*","action":"all","effect":"deny"})")}});
  EXPECT_EQ(Read({.user_id = "root", .roles = {}}), Decision::kAllow);
  EXPECT_EQ(Read(kBob), Decision::kDeny);  // has the role admin
  EXPECT_EQ(Read(kPolicyNobody), Decision::kDeny);
  EXPECT_EQ(Read({.user_id = "root", .roles = {}}, "__TopGun_x"), Decision::kDeny);
}

TEST_F(PolicyAccessTest, ARowThatCannotBeReadDeniesEverything) {
  Load({{"p", AllowAll()}});
  EXPECT_EQ(Read(kPolicyAlice), Decision::kAllow);
  Put("q", "\x81\xa1x\x01");
  EXPECT_EQ(Read(kPolicyAlice), Decision::kDeny);
  EXPECT_EQ(Read({.user_id = "root", .roles = {}}), Decision::kAllow);
  Remove("q");
  EXPECT_EQ(Read(kPolicyAlice), Decision::kAllow);
}

TEST_F(PolicyAccessTest, PoliciesHoldForALimitedTimeWhileTheyAreReadAgain) {
  Load({{"p", AllowAll()}});
  mirror.OnGap();
  Tick(std::chrono::milliseconds(100));
  EXPECT_EQ(Read(kPolicyAlice), Decision::kAllow);
  Tick(PolicyAccess::kStaleMax + std::chrono::milliseconds(100));
  EXPECT_EQ(access.state(), AccessControl::State::kUnknown);
  EXPECT_EQ(Read(kPolicyAlice), Decision::kUnknown);
  Put("q", AllowAll());  // does not say what else was missed
  EXPECT_EQ(Read(kPolicyAlice), Decision::kUnknown);
  reader.Answer({{"p", AllowAll()}}, {{1, 50}});
  Tick(std::chrono::milliseconds(100));
  EXPECT_EQ(Read(kPolicyAlice), Decision::kAllow);
}

TEST_F(PolicyAccessTest, AClusterWithoutPoliciesStaysOpenWhileTheMapIsReadAgain) {
  Load({});
  mirror.OnGap();
  Tick(std::chrono::milliseconds(100));
  Tick(PolicyAccess::kStaleMax + std::chrono::milliseconds(100));
  EXPECT_TRUE(access.open());
}

class PolicyStoreTest : public testing::Test {
 protected:
  PolicyStoreTest() { harness.system_maps.Start(); }

  MapMirror& mirror() { return harness.system_maps.policies(); }
  void LoadMirror(const std::map<std::string, std::string>& rows) {
    harness.reader.Answer(rows, {{1, 5}});
  }
  // Lets the oldest row be read and written.
  void Write(OpOutcome outcome = OpOutcome::kApplied) {
    harness.cells.Answer();
    for (const FakeSink::Submitted& op : harness.sink.submitted) {
      written.push_back((op.kind == wire::OpKind::kRemove ? "-" : "+") + op.key);
    }
    harness.sink.Answer(harness.written, outcome);
    harness.turns.Run();
  }
  void Create(std::string_view json) {
    store.Create(PolicyOf(json), [this](const StatusOr<Policy>& made) {
      created.push_back(made.ok() ? made->id : std::string(Message(made.status())));
    });
  }
  void Delete(std::string id) {
    store.Delete(std::move(id), [this](const Status& status) {
      deleted.push_back(status.ok() ? "ok" : std::string(Message(status)));
    });
  }

  static constexpr std::string_view kJson =
      R"({"mapPattern":"docs","action":"read","effect":"allow"})";
  DispatchHarness harness;
  PolicyStore store{harness.system_store, mirror(),      harness.reader,
                    harness.cells,        harness.clock, [] { return std::string("made"); }};
  std::vector<std::string> written;
  std::vector<std::string> created;
  std::vector<std::string> deleted;
};

TEST_F(PolicyStoreTest, CreatesAPolicyAndThenTheMarker) {
  LoadMirror({});
  Create(kJson);
  Write();
  EXPECT_TRUE(created.empty());
  Write();
  EXPECT_EQ(written, (std::vector<std::string>{"+made", "+$enforced"}));
  EXPECT_EQ(created, std::vector<std::string>{"made"});
}

TEST_F(PolicyStoreTest, WritesTheMarkerOnce) {
  LoadMirror({{std::string(kPolicyMarker), "\xc3"}});
  Create(R"({"id":"own","mapPattern":"docs","action":"read","effect":"allow"})");
  Write();
  EXPECT_EQ(written, std::vector<std::string>{"+own"});
  EXPECT_EQ(created, std::vector<std::string>{"own"});
}

TEST_F(PolicyStoreTest, ReportsAFailureOfEitherRow) {
  LoadMirror({});
  Create(kJson);
  Write(OpOutcome::kOverloaded);
  ASSERT_EQ(created.size(), 1U);
  EXPECT_NE(created[0], "made");
  Create(kJson);
  Write();
  Write(OpOutcome::kOverloaded);
  ASSERT_EQ(created.size(), 2U);
  EXPECT_NE(created[1], "made");
}

TEST_F(PolicyStoreTest, RefusesMoreThanALimit) {
  std::map<std::string, std::string> rows;
  for (size_t i = 0; i < PolicyStore::kPoliciesMax; ++i) rows["p" + std::to_string(i)] = "\xc0";
  LoadMirror(rows);
  Create(kJson);
  EXPECT_EQ(created, std::vector<std::string>{"there are 5000 policies already"});
  Create(R"({"id":"p7","mapPattern":"docs","action":"read","effect":"allow"})");
  EXPECT_EQ(harness.cells.reads.size(), 1U);
}

TEST_F(PolicyStoreTest, DeletesAndLeavesTheMarker) {
  LoadMirror({{std::string(kPolicyMarker), "\xc3"}, {"p", "\xc0"}});
  Delete("p");
  Write();
  Delete(std::string(kPolicyMarker));
  EXPECT_EQ(written, std::vector<std::string>{"-p"});
  EXPECT_EQ(deleted, (std::vector<std::string>{"ok", "ok"}));
}

TEST_F(PolicyStoreTest, DeletingNothingClosesNothing) {
  LoadMirror({});
  Delete("p");
  harness.cells.Answer();
  EXPECT_EQ(deleted, std::vector<std::string>{"ok"});
  EXPECT_TRUE(harness.cells.reads.empty());
}

TEST_F(PolicyStoreTest, MarksBeforeItDeletesAPolicyWithoutMarker) {
  LoadMirror({});  // of before the policy came
  harness.cells.cells[{"_topgun_policies", "p"}] = PolicyCell(EncodePolicyRow(PolicyOf(kJson)));
  Delete("p");
  harness.cells.Answer();
  Write();
  EXPECT_TRUE(deleted.empty());
  Write();
  EXPECT_EQ(written, (std::vector<std::string>{"+$enforced", "-p"}));
  EXPECT_EQ(deleted, std::vector<std::string>{"ok"});
}

TEST_F(PolicyStoreTest, ListsWhatTheMapHolds) {
  LoadMirror({});
  harness.reader.reads.clear();  // the other mirrors'
  const Policy policy = PolicyOf(kJson);
  std::vector<std::string> listed;
  store.List([&](const StatusOr<PolicyStore::Listing>& listing) {
    ASSERT_TRUE(listing.ok());
    for (const Policy& each : listing->policies) listed.push_back(each.id);
    for (const std::string& id : listing->unreadable) listed.push_back("?" + id);
  });
  harness.reader.Answer({{"$enforced", "\xc3"}, {"a", EncodePolicyRow(policy)}, {"b", "\xc0"}},
                        {{1, 5}});
  EXPECT_EQ(listed, (std::vector<std::string>{"a", "?b"}));
}

}  // namespace
}  // namespace topgun::gateway
