// The administration endpoints between fakes: who may, maps, settings, policies, indexes, cluster.
#include <gtest/gtest.h>

#include <cmath>

#include "gateway_admin_fakes.h"
#include "http/admin_cluster.h"
#include "http/admin_json.h"
#include "http/admin_tree.h"
#include "msgpack/writer.h"
#include "system/cluster_settings.h"
#include "system/index_row.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;
using state::CellKind;

// ---- Who may ----

TEST(AdminAccessTest, WantsTheTokenOfAnAdministrator) {
  AdminHarness admin;
  for (const std::string_view header : {"", "Bearer ", "Bearer", "Basic YWRtaW4=", "admin"}) {
    admin.Send("GET", "/api/admin/settings", {}, header);
    EXPECT_EQ(admin.status(), 401) << header;
    EXPECT_EQ(admin.Message(), "missing or invalid Bearer token");
  }
  admin.Send("GET", "/api/admin/settings", {}, "Bearer bad");
  EXPECT_EQ(admin.status(), 401);
  EXPECT_EQ(admin.Message(), "invalid or expired token");
  for (const std::string_view header : {"Bearer ADMIN", "Bearer writer"}) {
    admin.Send("GET", "/api/admin/settings", {}, header);
    EXPECT_EQ(admin.status(), 403) << header;
    EXPECT_EQ(admin.Message(), "admin role required");
  }
  admin.Send("GET", "/api/admin/settings", {}, "bearer admin");
  EXPECT_EQ(admin.status(), 200);
}

TEST(AdminAccessTest, GuardsEveryRoute) {
  AdminHarness admin;
  ASSERT_GE(admin.router.routes().size(), 13U);
  for (const RouteInfo* const route : admin.router.routes()) {
    EXPECT_TRUE(route->admin) << route->path;
    admin.Send(route->method, route->path, "{}", "");
    EXPECT_EQ(admin.status(), 401) << route->method << " " << route->path;
  }
}

TEST(AdminAccessTest, NeedsNoTokenWithoutAuthentication) {
  AdminHarness admin({}, false);
  admin.Send("GET", "/api/admin/settings", {}, "");
  EXPECT_EQ(admin.status(), 200);
  AdminHarness elsewhere({.mounted = false, .settings = {}}, false);
  elsewhere.Send("GET", "/api/admin/settings", {}, "");
  EXPECT_EQ(elsewhere.status(), 404);
}

TEST(AdminAccessTest, LimitsRequestsPerAddress) {
  AdminHarness admin;
  for (int i = 0; i < 200 && admin.status() != 429; ++i) {
    admin.Send("GET", "/api/admin/settings", {}, "Bearer bad");
  }
  EXPECT_EQ(admin.status(), 429);
  admin.Send("GET", "/api/admin/settings");
  EXPECT_EQ(admin.status(), 429) << "a good token is not looked at";
}

// ---- Merkle trees ----

TEST(AdminTreeTest, ShowsNodesAndTheirChildren) {
  AdminHarness admin;
  admin.Send("GET", "/api/admin/maps/notes/tree?kind=or&paths=,3");
  ASSERT_EQ(admin.trees.reads.size(), 1U);
  auto& [question, done] = admin.trees.reads.front();
  EXPECT_EQ(question.map, "notes");
  EXPECT_EQ(question.kind, CellKind::kOr);
  EXPECT_EQ(question.paths, (std::vector<std::string>{"", "3"}));
  const auto answer = std::make_shared<TreeAnswer>();
  answer->nodes = {{.hash = 7, .children = {{'3', 8}, {'4', 0}}, .cells = {}},
                   {.hash = 8, .children = {{'a', 9}}, .cells = {}}};
  done(answer);
  EXPECT_EQ(admin.status(), 200);
  EXPECT_EQ(
      json::serialize(admin.Json().at("nodes")),
      R"([{"path":"","hash":7,"children":{"3":8}},{"path":"3","hash":8,"children":{"a":9}}])");
}

TEST(AdminTreeTest, ShowsTheRecordsOfALeaf) {
  AdminHarness admin;
  admin.Send("GET", "/api/admin/maps/notes/tree?paths=374&records=true");
  ASSERT_EQ(admin.trees.reads.size(), 1U);
  auto& [question, done] = admin.trees.reads.front();
  EXPECT_EQ(question.kind, CellKind::kLww);
  EXPECT_TRUE(question.cells);
  const auto answer = std::make_shared<TreeAnswer>();
  state::CellView cell;
  cell.timestamp = {.millis = 100, .counter = 1, .node_id = "node"};
  cell.tombstone = true;
  answer->bytes.push_back(state::EncodeCell(cell));
  answer->nodes = {{.hash = 7,
                    .children = {},
                    .cells = {{.key = "key1", .tag = {}, .cell = answer->bytes.front()}}}};
  done(answer);
  EXPECT_EQ(json::serialize(admin.Json().at("nodes").at(0).at("records")),
            R"([{"key":"key1","timestamp":{"millis":100,"counter":1,"nodeId":"node"},)"
            R"("removed":true}])");
}

TEST(AdminTreeTest, WrongQuestionsAreNotAsked) {
  AdminHarness admin;
  for (const std::string_view query :
       {"kind=both", "paths=xyz", "paths=0000", "paths=1&records=true"}) {
    admin.Send("GET", "/api/admin/maps/notes/tree?" + std::string(query));
    EXPECT_EQ(admin.status(), 400) << query;
  }
  std::string many = "000";
  for (size_t i = 0; i < kTreeLeavesMax; ++i) many += ",000";
  admin.Send("GET", "/api/admin/maps/notes/tree?records=true&paths=" + many);
  EXPECT_EQ(admin.Field(), "paths");
  EXPECT_TRUE(admin.trees.reads.empty());
}

// ---- JSON ----

json::value FromMsgpack(std::string_view bytes) { return ToJson(bytes); }

TEST(AdminJsonTest, ShowsValuesOfClients) {
  std::string bytes;
  msgpack::Writer writer(bytes);
  writer.MapHeader(8);
  writer.Str("float");
  writer.Float64(2.5);
  writer.Str("whole");
  writer.Float64(1'700'000'000'000);
  writer.Str("large");
  writer.Uint(18'446'744'073'709'551'615U);
  writer.Str("nan");
  writer.Float64(std::nan(""));
  writer.Str("bytes");
  writer.Bin("\x01\xff");
  writer.Str("list");
  writer.ArrayHeader(2);
  writer.Nil();
  writer.Bool(true);
  writer.Str("lone \xed\xa0\x80 surrogate");
  writer.Int(-3);
  writer.Int(7);
  writer.Str("number as key");
  EXPECT_EQ(json::serialize(FromMsgpack(bytes)),
            "{\"float\":2.5E0,\"whole\":1700000000000,\"large\":18446744073709551615,\"nan\":null,"
            "\"bytes\":{\"$hex\":\"01ff\"},\"list\":[null,true],"
            "\"lone \xef\xbf\xbd surrogate\":-3,\"7\":\"number as key\"}");
  EXPECT_TRUE(FromMsgpack("\xc1").is_null());
  EXPECT_TRUE(FromMsgpack("\xa5half").is_null());
}

TEST(AdminJsonTest, KeepsValidTextAsItIs) {
  EXPECT_EQ(ReadableText("ok \xc3\xa9 \xf0\x9f\x98\x80 \xef\xbf\xbd"),
            "ok \xc3\xa9 \xf0\x9f\x98\x80 \xef\xbf\xbd");
  EXPECT_EQ(ReadableText("\xff"
                         "a\xc3"),
            "\xef\xbf\xbd"
            "a\xef\xbf\xbd");
}

// ---- Maps ----

TEST(AdminMapsTest, CountsLiveRecordsOfTheClientsMaps) {
  AdminHarness admin;
  admin.Send("GET", "/api/admin/maps");
  ASSERT_EQ(admin.dispatch.cells.lists.size(), 1U);
  admin.dispatch.cells.lists.front()(std::vector<MapInfo>{{"both", CellKind::kOr, 9},
                                                          {"huge", CellKind::kLww, 70},
                                                          {"$sys/stats", CellKind::kLww, 1},
                                                          {"_topgun_nodes", CellKind::kLww, 2},
                                                          {"counter", CellKind::kCounter, 2},
                                                          {"both", CellKind::kLww, 8}});
  ASSERT_EQ(admin.counter.asked.size(), 3U);
  admin.counter.Answer(3);
  admin.counter.Answer(4);
  EXPECT_EQ(admin.counter.asked.front().map, "huge");
  admin.counter.Answer(ResourceExhausted("too large"));
  ASSERT_EQ(admin.status(), 200);
  EXPECT_EQ(admin.answer->body, R"({"maps":[{"name":"both","entryCount":7},)"
                                R"({"name":"huge","entryCount":70,"approximate":true}]})");
}

TEST(AdminMapsTest, AnAnswerIsNeverOlderThanItsRequest) {
  AdminHarness admin;
  admin.Send("GET", "/api/admin/maps");
  admin.Send("GET", "/api/admin/maps");
  ASSERT_EQ(admin.dispatch.cells.lists.size(), 1U);
  admin.dispatch.cells.lists.front()(std::vector<MapInfo>());
  EXPECT_EQ(admin.router.in_flight(), 1U);
  ASSERT_EQ(admin.dispatch.cells.lists.size(), 2U) << "what came meanwhile has its own listing";
  admin.dispatch.cells.lists.back()(Unavailable("no sync replica is up"));
  EXPECT_EQ(admin.status(), 503);
  EXPECT_EQ(admin.router.in_flight(), 0U);
}

TEST(AdminMapsTest, CountsAFewAtATimeAndEndsAtAFailure) {
  AdminHarness admin;
  std::vector<MapInfo> maps;
  for (size_t i = 0; i < MapListing::kCountedMax + 5; ++i) {
    maps.push_back({"map" + std::to_string(i), CellKind::kLww, 11});
  }
  admin.Send("GET", "/api/admin/maps");
  admin.dispatch.cells.lists.front()(maps);
  size_t counted = 0;
  while (!admin.counter.asked.empty()) {
    ASSERT_LE(admin.counter.asked.size(), kCountsAtATime);
    admin.counter.Answer(1);
    ++counted;
  }
  EXPECT_EQ(counted, MapListing::kCountedMax);
  ASSERT_EQ(admin.status(), 200);
  EXPECT_EQ(admin.Json().at("maps").as_array().size(), maps.size());

  admin.Send("GET", "/api/admin/maps");
  admin.dispatch.cells.lists.back()(maps);
  admin.counter.Answer(Unavailable("no sync replica is up"));
  EXPECT_EQ(admin.counter.asked.size(), kCountsAtATime - 1) << "no further ones are asked";
  admin.counter.AnswerAll(1);
  EXPECT_EQ(admin.status(), 503);
}

// ---- Settings ----

TEST(AdminSettingsTest, TellsWhatIsInEffect) {
  AdminHarness admin({.mounted = true,
                      .settings = {.host = "0.0.0.0", .log_level = "error", .max_value_bytes = 7}});
  admin.Send("GET", "/api/admin/settings");
  ASSERT_EQ(admin.status(), 200);
  const json::object settings = admin.Json();
  EXPECT_EQ(settings.at("nodeId"), "node-0");
  EXPECT_EQ(settings.at("host"), "0.0.0.0");
  EXPECT_EQ(settings.at("port"), 8080);
  EXPECT_EQ(settings.at("partitionCount"), 271);
  EXPECT_EQ(settings.at("requireAuth"), true);
  EXPECT_EQ(settings.at("maxValueBytes"), 7);
  EXPECT_EQ(settings.at("logLevel"), "error");
}

TEST(AdminSettingsTest, WritesOneRowPerChange) {
  AdminHarness admin;
  admin.Send("PUT", "/api/admin/settings", R"({"logLevel":"warn","gcIntervalMs":5000})");
  admin.AnswerWrite();
  EXPECT_FALSE(admin.answer.has_value());
  admin.dispatch.cells.Answer();
  ASSERT_EQ(admin.dispatch.sink.submitted.size(), 1U);
  const FakeSink::Submitted& row = admin.dispatch.sink.submitted.front();
  EXPECT_EQ(row.map, kSettingsMap);
  EXPECT_EQ(row.key, kGcIntervalSetting);
  EXPECT_EQ(row.value, EncodeSetting(5'000));
  admin.dispatch.sink.Answer(admin.dispatch.written);
  ASSERT_EQ(admin.status(), 200);
  EXPECT_EQ(admin.Json().at("logLevel"), "warning");
  EXPECT_EQ(admin.Json().at("gcIntervalMs"), 5'000);
  admin.Send("PUT", "/api/admin/settings", R"({"logLevel":null})");
  admin.dispatch.cells.Answer();
  ASSERT_EQ(admin.dispatch.sink.submitted.size(), 1U);
  EXPECT_EQ(admin.dispatch.sink.submitted.front().kind, wire::OpKind::kRemove);
  admin.dispatch.sink.Answer(admin.dispatch.written, OpOutcome::kOverloaded);
  EXPECT_EQ(admin.status(), 503);
}

TEST(AdminSettingsTest, NamesTheFieldThatIsWrong) {
  AdminHarness admin;
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"({"logLevel":"loud"})", "logLevel"},
      {R"({"logLevel":3})", "logLevel"},
      {R"({"gcIntervalMs":0})", "gcIntervalMs"},
      {R"({"gcIntervalMs":1.5})", "gcIntervalMs"},
      {R"({"maxConcurrentOperations":1e300})", "maxConcurrentOperations"},
      {R"({"maxConcurrentOperations":"many"})", "maxConcurrentOperations"},
      {R"({"logLevel":"info","port":1})", "port"},
      {R"({"nodeId":null})", "nodeId"},
      {R"({"unknown":1})", "unknown"}};
  for (const auto& [body, field] : wrong) {
    admin.Send("PUT", "/api/admin/settings", body);
    ASSERT_EQ(admin.status(), 400) << body;
    EXPECT_EQ(admin.Field(), field) << body;
  }
  admin.Send("PUT", "/api/admin/settings", "[1]");
  EXPECT_EQ(admin.status(), 400);
  admin.Send("PUT", "/api/admin/settings", "{");
  EXPECT_EQ(admin.status(), 400);
  admin.Send("PUT", "/api/admin/settings", "{}", "Bearer admin", "text/plain");
  EXPECT_EQ(admin.status(), 415);
  admin.Send("PUT", "/api/admin/settings",
             "{\"a\":\"" + std::string(kAdminBodyBytesMax, 'x') + "\"}");
  EXPECT_EQ(admin.status(), 413);
  EXPECT_TRUE(admin.dispatch.cells.reads.empty());
}

TEST(ClusterSettingsTest, IgnoresRowsThatItWouldNotAccept) {
  EXPECT_EQ(ReadClusterSettings({}), ClusterSettings());
  const MapMirror::Rows good = {{"logLevel", EncodeSetting("debug")},
                                {"gcIntervalMs", EncodeSetting(60'000)},
                                {"maxConcurrentOperations", EncodeSetting(2'000)}};
  EXPECT_EQ(ReadClusterSettings(good), (ClusterSettings{.log_level = "debug",
                                                        .gc_interval_ms = 60'000,
                                                        .max_concurrent_operations = 2'000}));
  const MapMirror::Rows bad = {{"logLevel", EncodeSetting("loud")},
                               {"gcIntervalMs", EncodeSetting("soon")},
                               {"maxConcurrentOperations", EncodeSetting(1)},
                               {"later", EncodeSetting(1)}};
  EXPECT_EQ(ReadClusterSettings(bad), ClusterSettings());
}

// ---- Policies ----

TEST(AdminPoliciesTest, CreatesListsAndDeletes) {
  AdminHarness admin;
  admin.Send("POST", "/api/admin/policies",
             R"({"id":"p1","mapPattern":"docs","action":"write","effect":"allow"})");
  admin.AnswerWrite();
  admin.AnswerWrite();  // the marker
  ASSERT_EQ(admin.status(), 201);
  EXPECT_EQ(admin.Json().at("id"), "p1");

  admin.Send("GET", "/api/admin/policies");
  admin.dispatch.reader.Answer({}, {});
  ASSERT_EQ(admin.status(), 200);
  EXPECT_TRUE(admin.Json().at("policies").as_array().empty());

  admin.Send("DELETE", "/api/admin/policies/p1");
  admin.dispatch.cells.Answer();
  EXPECT_EQ(admin.status(), 204);
  admin.Send("DELETE", "/api/admin/policies/p1");
  admin.dispatch.cells.Fail();
  EXPECT_EQ(admin.status(), 503);
}

TEST(AdminPoliciesTest, NamesTheFieldThatIsWrong) {
  AdminHarness admin;
  admin.Send("POST", "/api/admin/policies",
             R"({"mapPattern":"docs","action":"write","effect":"allow","conditionExpr":"a =="})");
  ASSERT_EQ(admin.status(), 400);
  EXPECT_EQ(admin.Field(), "conditionExpr");
  admin.Send("POST", "/api/admin/policies", "{}", "Bearer admin", "");
  EXPECT_EQ(admin.status(), 415);
  EXPECT_TRUE(admin.dispatch.cells.reads.empty());
}

// ---- Indexes ----

std::map<std::string, std::string> OneIndex() {
  return {{IndexRowKey("articles", "title"),
           EncodeIndexRow({"articles", "title", IndexType::kInverted})},
          {"broken", "\xc0"}};
}

TEST(AdminIndexesTest, CreatesOncePerAttribute) {
  AdminHarness admin;
  constexpr std::string_view kBody =
      R"({"mapName":"articles","attribute":"title","indexType":"inverted","unknown":1})";
  admin.Send("POST", "/api/admin/indexes", kBody);
  admin.dispatch.cells.Answer();
  admin.AnswerWrite();
  ASSERT_EQ(admin.status(), 201);
  EXPECT_EQ(admin.answer->body,
            R"({"mapName":"articles","attribute":"title","indexType":"inverted","entryCount":0})");

  admin.dispatch.cells.cells[{std::string(state::kIndexMap), IndexRowKey("articles", "title")}] =
      LwwCell(EncodeIndexRow({"articles", "title", IndexType::kHash}), {1, 0, "n"});
  admin.Send("POST", "/api/admin/indexes", kBody);
  admin.dispatch.cells.Answer();
  EXPECT_EQ(admin.status(), 409);
}

TEST(AdminIndexesTest, NamesTheFieldThatIsWrong) {
  AdminHarness admin;
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"({"attribute":"a","indexType":"hash"})", "mapName"},
      {R"({"mapName":"_topgun_nodes","attribute":"a","indexType":"hash"})", "mapName"},
      {R"({"mapName":"m","attribute":"","indexType":"hash"})", "attribute"},
      {R"({"mapName":"m","attribute":")" + std::string(257, 'a') + R"(","indexType":"hash"})",
       "attribute"},
      {R"({"mapName":"m","attribute":"a","indexType":"vector"})", "indexType"}};
  for (const auto& [body, field] : wrong) {
    admin.Send("POST", "/api/admin/indexes", body);
    ASSERT_EQ(admin.status(), 400) << body;
    EXPECT_EQ(admin.Field(), field) << body;
  }
}

TEST(AdminIndexesTest, CountsTheRecordsOfTheMap) {
  AdminHarness admin;
  admin.Send("GET", "/api/admin/indexes");
  admin.dispatch.reader.Answer(OneIndex(), {});
  ASSERT_EQ(admin.counter.asked.size(), 2U) << "LWW and OR";
  admin.counter.Answer(2);
  admin.counter.Answer(3);
  ASSERT_EQ(admin.status(), 200);
  EXPECT_EQ(admin.answer->body,
            R"({"indexes":[{"mapName":"articles","attribute":"title","indexType":"inverted",)"
            R"("entryCount":5}]})");

  admin.Send("GET", "/api/admin/indexes/articles/title/status");
  admin.dispatch.cells.Answer();
  EXPECT_EQ(admin.status(), 404);
  admin.dispatch.cells.cells[{std::string(state::kIndexMap), IndexRowKey("articles", "title")}] =
      LwwCell(EncodeIndexRow({"articles", "title", IndexType::kHash}), {1, 0, "n"});
  admin.Send("GET", "/api/admin/indexes/articles/title/status");
  admin.dispatch.cells.Answer();
  admin.counter.AnswerAll(1);
  ASSERT_EQ(admin.status(), 200);
  EXPECT_EQ(admin.answer->body,
            R"({"mapName":"articles","attribute":"title","total":2,"processed":2,"done":true,)"
            R"("rebuildType":"backfill"})");
}

TEST(AdminIndexesTest, DeletesWhatIsThere) {
  AdminHarness admin;
  admin.Send("DELETE", "/api/admin/indexes/articles/title");
  admin.dispatch.cells.Answer();
  EXPECT_EQ(admin.status(), 404);
  admin.dispatch.cells.cells[{std::string(state::kIndexMap), IndexRowKey("articles", "a/b")}] =
      LwwCell(EncodeIndexRow({"articles", "a/b", IndexType::kHash}), {1, 0, "n"});
  admin.Send("DELETE", "/api/admin/indexes/articles/a%2Fb");
  admin.dispatch.cells.Answer();
  admin.AnswerWrite();
  EXPECT_EQ(admin.status(), 204);
}

TEST(IndexRowTest, NamesWithAnythingInThemStayApart) {
  const IndexDefinition index{"a", "bc", IndexType::kNavigable};
  EXPECT_EQ(DecodeIndexRow(IndexRowKey("a", "bc"), EncodeIndexRow(index)), index);
  EXPECT_NE(IndexRowKey("a", "bc"), IndexRowKey("ab", "c"));
  EXPECT_EQ(DecodeIndexRow("", EncodeIndexRow(index)), std::nullopt);
  EXPECT_EQ(DecodeIndexRow(IndexRowKey("a", "b"), "\x80"), std::nullopt);
}

// ---- Cluster ----

Member MemberOf(std::string id, NodeHealth health, NodeReport report) {
  Member member;
  member.row.node = {.id = std::move(id), .host = "a", .port = 1, .url = {}, .joined_ms = 10'000};
  member.row.report = report;
  member.health = health;
  return member;
}

TEST(AdminClusterTest, TellsNodesAndOwners) {
  std::vector<Member> members = {
      MemberOf("node-0", NodeHealth::kHealthy,
               {.started_ms = 10'000, .connections = 3, .memory_bytes = 4'096}),
      MemberOf("node-1", NodeHealth::kDead, {.started_ms = 1, .connections = 7}),
      MemberOf("node-2", NodeHealth::kSuspect, {.started_ms = 25'000})};
  members[2].row.node.url = "ws://x/ws";
  const json::object status = ClusterStatusOf(members, 25'500);
  std::map<std::string, size_t> owned;
  ASSERT_EQ(status.at("partitions").as_array().size(), 271U);
  for (const json::value& partition : status.at("partitions").as_array()) {
    ++owned[std::string(partition.at("ownerNodeId").as_string())];
  }
  EXPECT_EQ(json::serialize(status.at("partitions").as_array()[3].at("id")), "3");
  ASSERT_EQ(owned.size(), 2U);
  EXPECT_EQ(json::serialize(status.at("nodes")),
            R"([{"nodeId":"node-0","address":"a:1","status":"healthy","partitionCount":)" +
                std::to_string(owned["node-0"]) +
                R"(,"connections":3,"memory":4096,"uptime":15},)"
                R"({"nodeId":"node-1","address":"a:1","status":"dead","partitionCount":0,)"
                R"("connections":0,"memory":0,"uptime":0},)"
                R"({"nodeId":"node-2","address":"ws://x/ws","status":"suspect","partitionCount":)" +
                std::to_string(owned["node-2"]) + R"(,"connections":0,"memory":0,"uptime":0}])");
  EXPECT_EQ(status.at("totalPartitions"), 271);
  EXPECT_EQ(status.at("isRebalancing"), false);
}

}  // namespace
}  // namespace topgun::gateway
