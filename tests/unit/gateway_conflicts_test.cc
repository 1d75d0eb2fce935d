// Conflicts as an administrator sees them: the list, and bringing one of them back.
#include <gtest/gtest.h>

#include "gateway_admin_fakes.h"
#include "http/admin_conflicts.h"

namespace topgun::gateway {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr std::string_view kRestore = "/api/admin/conflicts/notes/restore";
constexpr std::string_view kBody =
    R"({"key":"k","millis":1700000000000,"counter":2,"nodeId":"loser"})";

LostWrite Lost(std::string_view key = "k", std::string_view value = "\xa3old") {
  LostWrite lost;
  lost.key = key;
  lost.value = value;
  lost.timestamp = {kNow, 2, "loser"};
  lost.winner = {kNow + 5, 0, "winner"};
  lost.lost_at_ms = kNow + 9;
  return lost;
}

TEST(ConflictsTest, ListsWhatLostAgainstWhat) {
  AdminHarness admin;
  admin.Send("GET", "/api/admin/conflicts/my%20notes?limit=2");
  ASSERT_EQ(admin.losers.asked.size(), 1U);
  EXPECT_EQ(admin.losers.asked[0].map, "my notes");
  EXPECT_EQ(admin.losers.asked[0].limit, 3U) << "one more tells whether there are more";
  LostWrite removal = Lost("gone", "");
  removal.ttl_ms = 50;
  admin.losers.Answer({Lost(), removal, Lost("third")}, 3, 2);
  ASSERT_EQ(admin.status(), 200);
  EXPECT_EQ(admin.answer->body,
            R"({"conflicts":[{"key":"k","value":"old","removed":false,)"
            R"("timestamp":{"millis":1700000000000,"counter":2,"nodeId":"loser"},)"
            R"("winner":{"millis":1700000000005,"counter":0,"nodeId":"winner"},)"
            R"("lostAt":1700000000009},{"key":"gone","value":null,"removed":true,)"
            R"("timestamp":{"millis":1700000000000,"counter":2,"nodeId":"loser"},)"
            R"("winner":{"millis":1700000000005,"counter":0,"nodeId":"winner"},)"
            R"("lostAt":1700000000009,"ttlMs":5E1}],"truncated":true,)"
            R"("replicas":{"asked":3,"answered":2}})");
}

TEST(ConflictsTest, CutsAListThatIsTooLong) {
  LostWrites lost;
  lost.replicas_asked = lost.replicas_answered = 1;
  std::string value = "\xc6";  // bin32
  value.append({0x00, 0x20, 0x00, 0x00});
  value.append(size_t{2} << 20, 'v');
  for (int i = 0; i < 5; ++i) lost.writes.push_back(Lost("k", value));
  const auto body = boost::json::parse(ConflictsResponse(lost, 100).body).as_object();
  EXPECT_EQ(body.at("conflicts").as_array().size(), 1U);
  EXPECT_EQ(body.at("truncated"), true);
}

TEST(ConflictsTest, RefusesWhatMakesNoSense) {
  AdminHarness admin;
  for (const std::string_view limit : {"0", "1001", "-1", "x", "", "5x", "99999999999"}) {
    admin.Send("GET", "/api/admin/conflicts/m?limit=" + std::string(limit));
    ASSERT_EQ(admin.status(), 400) << limit;
    EXPECT_EQ(admin.Field(), "limit");
  }
  admin.Send("GET", "/api/admin/conflicts/_topgun_policies");
  EXPECT_EQ(admin.status(), 400);
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"({"millis":1,"counter":2,"nodeId":"n"})", "key"},
      {R"({"key":"k","counter":2,"nodeId":"n"})", "millis"},
      {R"({"key":"k","millis":1.5,"counter":2,"nodeId":"n"})", "millis"},
      {R"({"key":"k","millis":1,"counter":-2,"nodeId":"n"})", "counter"},
      {R"({"key":"k","millis":1,"counter":2,"nodeId":7})", "nodeId"},
      {R"({"key":"k","millis":1,"counter":2,"nodeId":"n","value":1})", "value"}};
  for (const auto& [body, field] : wrong) {
    admin.Send("POST", kRestore, body);
    ASSERT_EQ(admin.status(), 400) << body;
    EXPECT_EQ(admin.Field(), field) << body;
  }
  EXPECT_TRUE(admin.losers.asked.empty());
}

TEST(ConflictsTest, SaysWhenNobodyAnswers) {
  AdminHarness admin;
  admin.Send("GET", "/api/admin/conflicts/notes");
  EXPECT_EQ(admin.losers.asked[0].limit, kConflictsDefault + 1);
  admin.losers.Answer({}, 2, 0);
  EXPECT_EQ(admin.status(), 503);
  admin.Send("POST", kRestore, kBody);
  admin.losers.Answer({}, 2, 1);
  EXPECT_EQ(admin.status(), 503) << "the other one may remember";
  admin.Send("POST", kRestore, kBody);
  admin.losers.Answer({Lost("another")}, 2, 2);
  EXPECT_EQ(admin.status(), 404);
}

class RestoreTest : public testing::Test {
 protected:
  void Stand(std::string_view value, int64_t millis, std::string_view node) {
    admin.dispatch.cells.cells[{"notes", "k"}] = LwwCell(value, {millis, 0, node});
  }
  // Up to the write, which is returned.
  FakeSink::Submitted Begin(const LostWrite& lost) {
    admin.Send("POST", kRestore, kBody);
    EXPECT_EQ(admin.losers.asked.front().key, "k");
    admin.losers.Answer({Lost("other"), lost});
    admin.dispatch.cells.Answer();
    EXPECT_EQ(admin.dispatch.sink.submitted.size(), 1U);
    return admin.dispatch.sink.submitted.front();
  }
  void Finish(OpOutcome outcome = OpOutcome::kApplied) {
    admin.dispatch.sink.Answer(admin.dispatch.written, outcome);
    if (outcome == OpOutcome::kApplied) admin.dispatch.cells.Answer();
  }

  AdminHarness admin;
};

TEST_F(RestoreTest, WritesNewerThanWhatStands) {
  const int64_t ahead = admin.dispatch.clock.NowMs() + 30'000;
  Stand("\xa3new", ahead, "winner");
  LostWrite lost = Lost();
  lost.ttl_ms = 5'000;
  const FakeSink::Submitted written = Begin(lost);
  EXPECT_EQ(written.map, "notes");
  EXPECT_EQ(written.kind, wire::OpKind::kPut);
  EXPECT_EQ(written.value, "\xa3old");
  EXPECT_EQ(written.origin, "") << "everybody is told";
  EXPECT_GT(written.timestamp, crdt::Timestamp(ahead, 0, "winner"));
  EXPECT_EQ(written.ttl_ms, 5'000);
  Stand("\xa3old", written.timestamp.millis, written.timestamp.node_id);
  Finish();
  ASSERT_EQ(admin.status(), 200);
  EXPECT_EQ(admin.Json().at("timestamp").at("millis"), written.timestamp.millis);
  EXPECT_EQ(admin.Json().at("timestamp").at("nodeId"), "gateway-0");
}

TEST_F(RestoreTest, ARemovalIsRemovedAgain) {
  EXPECT_EQ(Begin(Lost("k", "")).kind, wire::OpKind::kRemove);
  Stand("", kNow, "gateway-0");
  Finish();
  EXPECT_EQ(admin.status(), 200);
}

TEST_F(RestoreTest, SaysWhenSomebodyElseWasFaster) {
  Begin(Lost());
  Stand(
      "\xa5"
      "newer",
      kNow + 99, "somebody");
  Finish();
  EXPECT_EQ(admin.status(), 409);
}

TEST_F(RestoreTest, SaysWhenTheWriteFails) {
  Begin(Lost());
  Finish(OpOutcome::kOverloaded);
  EXPECT_EQ(admin.status(), 503);
  Begin(Lost());
  Finish(OpOutcome::kRejected);
  EXPECT_EQ(admin.status(), 409);
  admin.Send("POST", kRestore, kBody);
  admin.losers.Answer({Lost()});
  admin.dispatch.cells.Fail();
  EXPECT_EQ(admin.status(), 503);
}

TEST_F(RestoreTest, HasALimit) {
  LoserRestore restore("n", admin.losers, admin.dispatch.cells, admin.dispatch.detached,
                       admin.dispatch.clock);
  std::vector<Status> done;
  for (size_t i = 0; i <= LoserRestore::kRunningMax; ++i) {
    restore.Restore(
        {"notes", "k", {kNow, 2, "loser"}},
        [&done](const StatusOr<crdt::Timestamp>& result) { done.push_back(result.status()); });
  }
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].code(), StatusCode::kResourceExhausted);
}

TEST_F(RestoreTest, FindsAKeyThatIsNoText) {
  admin.Send("POST", kRestore,
             "{\"key\":\"k\xef\xbf\xbd\",\"millis\":1700000000000,\"counter\":2,"
             "\"nodeId\":\"loser\"}");
  ASSERT_EQ(admin.losers.asked.size(), 1U);
  EXPECT_EQ(admin.losers.asked[0].key, std::nullopt) << "it may stand for other bytes";
  admin.losers.Answer({Lost("k\xff")});
  ASSERT_EQ(admin.dispatch.cells.reads.size(), 1U);
  EXPECT_EQ(admin.dispatch.cells.reads[0].keys, std::vector<std::string>{"k\xff"});
}

}  // namespace
}  // namespace topgun::gateway
