// POST /sync between fakes: the exchange.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway_fakes.h"
#include "gateway_http_sync_fakes.h"
#include "http/router.h"
#include "http/sync_cursor.h"
#include "http/sync_deltas.h"
#include "http/sync_endpoint.h"
#include "support/msgpack_json.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

// Decides as it is told to.
class TwoMapsAccess final : public AccessControl {
 public:
  TwoMapsAccess() { state_ = State::kEnforced; }
  Decision Check(const Principal& principal, Action action, std::string_view map,
                 std::string_view) const override {
    if (map == "secret" && principal.user_id.empty()) return Decision::kDeny;
    if (map == "readonly" && action != Action::kRead) return Decision::kDeny;
    return Decision::kAllow;
  }
  uint64_t version() const override { return 0; }

  void set_state(State state) { state_ = state; }
};

class SyncExchangeTest : public testing::Test {
 protected:
  void Mount(SyncOptions options = {}) {
    options.node_id = "gw";
    endpoint.emplace(std::move(options),
                     SyncServices{.access = access,
                                  .writes = harness.detached,
                                  .trees = harness.trees,
                                  .maps = harness.reader,
                                  .clock = harness.clock,
                                  .tracer = harness.probe.tracer()},
                     &harness.verifier, harness.registry);
    endpoint->Mount(router);
  }

  // A request with these fields beside the required ones, as JSON.
  void Post(const std::string& fields, const std::string& token = "") {
    PostRaw(Pack(R"({"clientId":"c","clientHlc":{"millis":1,"counter":0,"nodeId":"c"})" +
                 (fields.empty() ? fields : "," + fields) + "}"),
            token);
  }
  void PostRaw(const std::string& body, const std::string& token = "") {
    if (!endpoint) Mount();
    answer.reset();
    HttpRequest request;
    request.method = "POST";
    request.path = "/sync";
    request.body = body;
    const std::string header = "Bearer " + token;
    if (!token.empty()) request.headers = {{"Authorization", header}};
    router.Handle(request, [this](HttpResponse response) {
      EXPECT_FALSE(answer) << "answered twice";
      answer = std::move(response);
    });
  }
  // What has been answered, as JSON, without the clock.
  std::string Body() {
    if (!answer) return "nothing";
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->content_type, "application/msgpack");
    json::object body = msgpack::ToJson(answer->body).as_object();
    EXPECT_GT(body.at("serverHlc").at("millis").to_number<int64_t>(), 0);
    body.stable_erase("serverHlc");
    return json::serialize(body);
  }
  void ApplyWrites(OpOutcome outcome = OpOutcome::kApplied) {
    harness.sink.Answer(harness.written, outcome);
    harness.turns.Run();
  }
  // Answers the oldest tree read.
  TreeRequest AnswerTree(const std::shared_ptr<const TreeAnswer>& tree) {
    auto [request, done] = std::move(harness.trees.reads.front());
    harness.trees.reads.pop_front();
    done(tree);
    return request;
  }
  void Tick(seconds later) { endpoint->Tick(std::chrono::steady_clock::now() + later); }

  static std::string Put(const std::string& id, const std::string& map, const std::string& key,
                         const std::string& extra = "") {
    return R"({"id":")" + id + R"(","mapName":")" + map + R"(","key":")" + key +
           R"(","opType":"PUT","record":{"value":1,"timestamp":{"millis":1,"counter":0,"nodeId":"c"}})" +
           extra + "}";
  }

  DispatchHarness harness{true};
  TwoMapsAccess access;
  Router router{{}, harness.registry, 0};
  std::optional<SyncEndpoint> endpoint;
  std::optional<HttpResponse> answer;
};

TEST_F(SyncExchangeTest, AnEmptyRequestIsAnsweredAtOnce) {
  Post("");
  EXPECT_EQ(Body(), "{}");
  PostRaw("");
  EXPECT_EQ(Body(), "{}");
  Post(R"("operations":[],"syncMaps":[],"queries":[],"searches":[{"searchId":"s"}])");
  EXPECT_EQ(Body(), "{}");
  EXPECT_EQ(endpoint->exchanges(), 0U);
}

TEST_F(SyncExchangeTest, ABodyThatCannotBeReadIs400) {
  for (const std::string& body : {std::string("\xff\xff"), std::string("\x80"),
                                  "\x81\xa1x" + std::string(300, '\x91') + "\x01"}) {
    PostRaw(body);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400);
    EXPECT_EQ(answer->content_type, "application/json");
    EXPECT_EQ(answer->body.find(R"({"code":400,"message":"invalid MsgPack body: )"), 0U)
        << answer->body;
  }
  EXPECT_EQ(endpoint->exchanges(), 0U);
}

TEST_F(SyncExchangeTest, WritesAreAcknowledgedWhenAllAreApplied) {
  Post(R"("operations":[)" + Put("7", "todos", "a") + "," + Put("8", "todos", "b") + "]");
  EXPECT_EQ(Body(), "nothing");
  ASSERT_EQ(harness.sink.submitted.size(), 2U);
  EXPECT_EQ(harness.sink.submitted[0].origin, "");  // everybody is told
  ApplyWrites();
  EXPECT_EQ(Body(), R"({"ack":{"lastId":"8"}})");
}

TEST_F(SyncExchangeTest, AConcernThatIsNotAwaitedIsNotClaimed) {
  Post(R"("operations":[)" + Put("7", "todos", "a", R"(,"writeConcern":"PERSISTED")") + "]");
  ApplyWrites();
  EXPECT_EQ(Body(), R"({"ack":{"lastId":"7","results":[{"opId":"7","success":false,)"
                    R"("achievedLevel":"APPLIED","error":"not waited for over HTTP"}]}})");
}

TEST_F(SyncExchangeTest, RefusedOperationsAreReportedAndTheOthersApplied) {
  Post(R"("operations":[)" + Put("1", "readonly", "a") + "," + Put("2", "", "b") + "," +
       Put("3", "todos", "c") + "]");
  ASSERT_EQ(harness.sink.submitted.size(), 1U);
  EXPECT_EQ(harness.sink.submitted[0].key, "c");
  ApplyWrites();
  const std::string body = Body();
  EXPECT_EQ(body.find("ack"), std::string::npos);
  EXPECT_NE(
      body.find(R"({"code":403,"message":"write access denied for map: readonly","context":"1"})"),
      std::string::npos)
      << body;
  EXPECT_NE(body.find(R"({"code":400,"message":"ops[1].mapName)"), std::string::npos) << body;
}

TEST_F(SyncExchangeTest, FailedWritesAreNotAcknowledged) {
  Post(R"("operations":[)" + Put("1", "todos", "a") + "]");
  ApplyWrites(OpOutcome::kOverloaded);
  EXPECT_EQ(Body(), R"({"errors":[{"code":429,"message":"server overloaded, try again later"}]})");
  Post(R"("operations":[)" + Put("1", "todos", "a") + "]");
  ApplyWrites(OpOutcome::kRejected);
  EXPECT_EQ(
      Body(),
      R"({"errors":[{"code":409,"message":"operation rejected: older than what is kept","context":"1"}]})");
}

TEST_F(SyncExchangeTest, OperationsMapsAndQueriesAreLimited) {
  SyncOptions options;
  options.operations_max = options.maps_max = options.queries_max = 1;
  Mount(options);
  const std::string map =
      R"({"mapName":"m","lastSyncTimestamp":{"millis":0,"counter":0,"nodeId":""}})";
  const std::string query = R"({"queryId":"q","mapName":"m"})";
  Post(R"("operations":[)" + Put("1", "m", "a") + "," + Put("2", "m", "b") + R"(],"syncMaps":[)" +
       map + "," + map + R"(],"queries":[)" + query + "," + query + "]");
  EXPECT_TRUE(harness.sink.submitted.empty());
  EXPECT_EQ(
      Body(),
      R"({"errors":[{"code":413,"message":"operations: more than 1"},)"
      R"({"code":413,"message":"syncMaps: more than 1"},{"code":413,"message":"queries: more than 1"}]})");
}

TEST_F(SyncExchangeTest, ReadsComeAfterTheWrites) {
  Post(R"("operations":[)" + Put("1", "todos", "a") +
       R"(],"queries":[{"queryId":"q","mapName":"todos"}])");
  EXPECT_TRUE(harness.reader.reads.empty());
  ApplyWrites();
  ASSERT_EQ(harness.reader.reads.size(), 1U);
  harness.reader.Answer({{"a", Pack("1")}}, {});
  EXPECT_EQ(Body(), R"({"ack":{"lastId":"1"},"queryResults":[{"queryId":"q","results":[1]}]})");
}

TEST_F(SyncExchangeTest, QueriesFilterAndGoOnByCursor) {
  const auto ask = [&](const std::string& rest) {
    Post(R"("queries":[{"queryId":"q","mapName":"m","filter":{"done":true})" + rest + "}]");
    if (harness.reader.reads.empty()) return Body();
    harness.reader.Answer({{"a", Pack(R"({"n":1,"done":true})")},
                           {"b", Pack(R"({"n":2,"done":false})")},
                           {"c", Pack(R"({"n":3,"done":true})")},
                           {"d", Pack(R"({"n":4,"done":true})")}},
                          {});
    return Body();
  };
  EXPECT_EQ(
      ask(""),
      R"({"queryResults":[{"queryId":"q","results":[{"n":1,"done":true},{"n":3,"done":true},{"n":4,"done":true}]}]})");
  EXPECT_EQ(ask(R"(,"limit":3)").find(R"("hasMore":false})") != std::string::npos, true);
  EXPECT_EQ(ask(R"(,"limit":1,"offset":1)")
                    .find(R"("results":[{"n":3,"done":true}],"hasMore":true,"nextCursor":")") !=
                std::string::npos,
            true);
  const json::object page = msgpack::ToJson(answer->body).as_object();
  const std::string cursor(page.at("queryResults").at(0).at("nextCursor").as_string().c_str());
  EXPECT_EQ(
      ask(R"(,"limit":1,"offset":1,"cursor":")" + cursor + "\""),
      R"({"queryResults":[{"queryId":"q","results":[{"n":4,"done":true}],"hasMore":false}]})");
  harness.clock.Advance(kCursorValidMs + 1);
  EXPECT_EQ(ask(R"(,"cursor":")" + cursor + "\""),
            R"({"errors":[{"code":400,"message":"invalid or expired cursor","context":"q"}]})");
}

TEST_F(SyncExchangeTest, AQueryBeyondTheFirstRowsReadsTheWholeMap) {
  Post(R"("queries":[{"queryId":"q","mapName":"m","filter":{"of":"z"}}])");
  ASSERT_EQ(harness.reader.reads.size(), 1U);
  auto [map, done] = std::move(harness.reader.reads.front());
  harness.reader.reads.pop_front();
  auto snapshot = std::make_shared<MapSnapshot>();
  snapshot->has_more = true;
  done(std::shared_ptr<const MapSnapshot>(snapshot));
  ASSERT_EQ(harness.trees.reads.size(), 1U);
  const TreeRequest request =
      AnswerTree(Answer({{"a", 1}, {"z", 1}, {"dead", 1, true}, {"gone", 1, false, 5}}));
  EXPECT_EQ(request.map, "m");
  EXPECT_TRUE(request.cells);
  EXPECT_EQ(Body(), R"({"queryResults":[{"queryId":"q","results":[{"of":"z"}]}]})");
}

TEST_F(SyncExchangeTest, DeltasBringWhatWasCommittedSince) {
  harness.clock.Set(kNow);
  Post(R"("syncMaps":[{"mapName":"m","lastSyncTimestamp":{"millis":)" +
       std::to_string(kNow - 5'000) + R"(,"counter":0,"nodeId":"gw"}}])");
  ASSERT_EQ(harness.trees.reads.size(), 1U);
  harness.clock.Advance(100);  // what is committed during the read counts from its start
  const TreeRequest request = AnswerTree(Answer({{"a", kNow - 1}, {"b", kNow - 2, true}}));
  EXPECT_EQ(request.committed_since_ms, kNow - 5'000 - kDeltaOverlapMs);
  EXPECT_EQ(request.paths, std::vector<std::string>({""}));
  const std::string ms = std::to_string(kNow);
  EXPECT_EQ(
      Body(),
      R"({"deltas":[{"mapName":"m","records":[{"key":"b","record":{"value":null,"timestamp":{"millis":)" +
          std::to_string(kNow - 2) +
          R"(,"counter":0,"nodeId":"n"}},"eventType":"REMOVE"},{"key":"a","record":{"value":{"of":"a"},"timestamp":{"millis":)" +
          std::to_string(kNow - 1) +
          R"(,"counter":0,"nodeId":"n"}},"eventType":"PUT"}],"serverSyncTimestamp":{"millis":)" +
          ms + R"(,"counter":0,"nodeId":"gw"}}]})");
}

TEST_F(SyncExchangeTest, AClientBeyondTheHorizonGetsEverything) {
  harness.clock.Set(kNow);
  Post(
      R"("syncMaps":[{"mapName":"m","lastSyncTimestamp":{"millis":50000,"counter":0,"nodeId":"gw"}}])");
  AnswerTree(Answer({}, 0, kNow - 1));
  EXPECT_EQ(Body(), "nothing");
  const TreeRequest again = AnswerTree(Answer({{"a", 1}}, 0, kNow - 1));
  EXPECT_EQ(again.committed_since_ms, 0);
  const std::string body = Body();
  EXPECT_NE(body.find(R"("code":410)"), std::string::npos);
  EXPECT_NE(body.find(R"("key":"a")"), std::string::npos);
}

TEST_F(SyncExchangeTest, WhoMayNotReadIsTold) {
  const std::string fields =
      R"("syncMaps":[{"mapName":"secret","lastSyncTimestamp":{"millis":0,"counter":0,"nodeId":""}}],)"
      R"("queries":[{"queryId":"q","mapName":"secret"},{"queryId":"r","mapName":""}])";
  const std::string denied =
      R"({"errors":[{"code":403,"message":"access denied","context":"secret"},)"
      R"({"code":403,"message":"access denied","context":"q"})";
  Post(fields);
  EXPECT_EQ(Body().find(denied), 0U);
  // A token that is not valid counts like none.
  Post(fields, "bad");
  EXPECT_EQ(Body().find(denied), 0U);
  Post(fields, "good");
  EXPECT_EQ(Body(), "nothing");
  EXPECT_EQ(harness.trees.reads.size(), 1U);
}

TEST_F(SyncExchangeTest, UnreadPoliciesAreWaitedForThenTheClientMustComeAgain) {
  access.set_state(AccessControl::State::kUnknown);
  Post(R"("operations":[)" + Put("1", "todos", "a") + "]");
  Tick(seconds(1));
  EXPECT_EQ(Body(), "nothing");
  EXPECT_TRUE(harness.sink.submitted.empty());
  access.set_state(AccessControl::State::kEnforced);
  Tick(seconds(2));
  EXPECT_EQ(harness.sink.submitted.size(), 1U);
  ApplyWrites();
  EXPECT_EQ(Body(), R"({"ack":{"lastId":"1"}})");
  access.set_state(AccessControl::State::kUnknown);
  Post(R"("operations":[)" + Put("1", "todos", "a") + "]");
  Tick(seconds(6));
  EXPECT_EQ(Body(), R"({"errors":[{"code":503,"message":)"
                    R"("access policies are not known yet, try again later"}]})");
  EXPECT_TRUE(harness.sink.submitted.empty());
}

TEST_F(SyncExchangeTest, AReadThatFailsIsReportedAndTheRestIsSent) {
  Post(R"("queries":[{"queryId":"q","mapName":"m"},{"queryId":"r","mapName":"n"}])");
  harness.reader.Fail();
  harness.reader.Answer({{"a", Pack("1")}}, {});
  EXPECT_EQ(Body(),
            R"({"queryResults":[{"queryId":"r","results":[1]}],"errors":[{"code":503,"message":)"
            R"("cannot be read at the moment: no sync replica is up","context":"q"}]})");
}

TEST_F(SyncExchangeTest, WhatTakesTooLongIsLeftOut) {
  Post(R"("operations":[)" + Put("1", "m", "a") +
       R"(],"queries":[{"queryId":"q","mapName":"m"},{"queryId":"r","mapName":"n"}])");
  ApplyWrites();
  harness.reader.Answer({}, {});
  Tick(seconds(24));
  EXPECT_EQ(Body(), "nothing");
  Tick(seconds(26));
  EXPECT_EQ(Body(), R"({"ack":{"lastId":"1"},"queryResults":[{"queryId":"q","results":[]}],)"
                    R"("errors":[{"code":503,"message":"operation timed out after 25000ms"}]})");
  harness.reader.Answer({}, {});  // too late
  EXPECT_EQ(endpoint->exchanges(), 0U);
}

TEST_F(SyncExchangeTest, AnAnswerHasALimitThatItsReadsShare) {
  SyncOptions options;
  options.answer_bytes_max = 200'000;
  Mount(options);
  Post(
      R"("queries":[{"queryId":"q","mapName":"m"},{"queryId":"r","mapName":"m"}],"syncMaps":[{"mapName":"m",)"
      R"("lastSyncTimestamp":{"millis":0,"counter":0,"nodeId":""}}])");
  const std::string large = Pack("\"" + std::string(30'000, 'x') + "\"");
  for (int i = 0; i < 2; ++i) {
    harness.reader.Answer({{"a", large}, {"b", large}, {"c", large}}, {});
  }
  std::vector<Committed> cells;
  for (int i = 0; i < 1'000; ++i) cells.push_back({"k" + std::to_string(i), i});
  AnswerTree(Answer(cells));
  ASSERT_TRUE(answer);
  const json::object body = msgpack::ToJson(answer->body).as_object();
  for (const json::value& result : body.at("queryResults").as_array()) {
    EXPECT_EQ(result.at("results").as_array().size(), 2U);
    EXPECT_EQ(result.at("hasMore").as_bool(), true);
    EXPECT_TRUE(result.as_object().contains("nextCursor"));
  }
  EXPECT_LT(body.at("deltas").at(0).at("records").as_array().size(), 1'000U);
  EXPECT_LT(answer->body.size(), 300'000U);
}

TEST_F(SyncExchangeTest, ReadsOfALoopTakeTurns) {
  SyncOptions options;
  options.reads = {.running_max = 1, .waiting_max = 1};
  Mount(options);
  Post(
      R"("queries":[{"queryId":"q","mapName":"m"},{"queryId":"r","mapName":"n"},{"queryId":"s","mapName":"o"}])");
  EXPECT_EQ(harness.reader.reads.size(), 1U);
  harness.reader.Answer({}, {});
  ASSERT_EQ(harness.reader.reads.size(), 1U);
  EXPECT_EQ(harness.reader.reads[0].first, "n");
  harness.reader.Answer({}, {});
  EXPECT_EQ(
      Body(),
      R"({"queryResults":[{"queryId":"q","results":[]},{"queryId":"r","results":[]}],)"
      R"("errors":[{"code":503,"message":"server overloaded, try again later","context":"s"}]})");
}

TEST_F(SyncExchangeTest, TheClocksMeet) {
  harness.clock.Set(kNow);
  const auto clock_of = [&](int64_t millis) {
    PostRaw(Pack(R"({"clientId":"c","clientHlc":{"millis":)" + std::to_string(millis) +
                 R"(,"counter":3,"nodeId":"c"}})"));
    return msgpack::ToJson(answer->body).at("serverHlc").at("millis").to_number<int64_t>();
  };
  EXPECT_EQ(clock_of(kNow - 5), kNow);
  EXPECT_EQ(clock_of(kNow + 1'000), kNow + 1'000);
  // Too far ahead is not believed.
  EXPECT_EQ(clock_of(kNow + 3'600'000), kNow + 1'000);
}

}  // namespace
}  // namespace topgun::gateway
