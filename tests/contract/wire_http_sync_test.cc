// The golden bodies of POST /sync.
#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "support/vectors.h"
#include "wire/http_sync.h"

namespace topgun::wire {
namespace {

namespace json = boost::json;

const json::object& GoldenBody(std::string_view name) {
  for (const json::value& row : support::LoadVectors("frames.json").at("frames").as_array()) {
    if (support::Text(row.at("name")) == name) return row.as_object();
  }
  throw std::runtime_error("no golden body of this name");
}

std::string Bytes(std::string_view name, std::string_view key) {
  return support::FromHex(support::Text(GoldenBody(name).at({key.data(), key.size()})));
}

TEST(WireHttpSyncTest, RequestWithMapsOnly) {
  const std::string body = Bytes("HTTP POST /sync body (1)", "hex");
  SyncRequest request;
  ASSERT_TRUE(DecodeSyncRequest(body, request).ok());
  EXPECT_EQ(request.client_id, "client-A");
  EXPECT_EQ(request.client_hlc, (crdt::TimestampView{1700000000000, 0, "client-A"}));
  EXPECT_TRUE(request.operations.empty());
  EXPECT_TRUE(request.queries.empty());
  ASSERT_EQ(request.sync_maps.size(), 1U);
  EXPECT_EQ(request.sync_maps[0].map, "todos");
  EXPECT_EQ(request.sync_maps[0].last_sync_timestamp, (crdt::TimestampView{0, 0, ""}));
}

TEST(WireHttpSyncTest, RequestWithEverything) {
  const std::string body = Bytes("HTTP POST /sync body (2)", "hex");
  SyncRequest request;
  ASSERT_TRUE(DecodeSyncRequest(body, request).ok());
  ASSERT_EQ(request.operations.size(), 1U);
  EXPECT_EQ(request.operations[0].kind, OpKind::kPut);
  EXPECT_EQ(request.operations[0].id, "1");
  EXPECT_EQ(request.operations[0].value, "\xa1v");
  EXPECT_EQ(request.operations[0].error, "");
  ASSERT_EQ(request.queries.size(), 1U);
  EXPECT_EQ(request.queries[0].query_id, "q-1700000000000");
  EXPECT_EQ(request.queries[0].map, "todos");
  EXPECT_EQ(ToHex(request.queries[0].filter), "de0001a4646f6e65c2");
  EXPECT_EQ(request.queries[0].limit, 10U);
  EXPECT_EQ(request.queries[0].offset, std::nullopt);

  // The request is reused for the next body.
  const std::string other = Bytes("HTTP POST /sync body (1)", "hex");
  ASSERT_TRUE(DecodeSyncRequest(other, request).ok());
  EXPECT_TRUE(request.operations.empty());
  EXPECT_TRUE(request.queries.empty());
}

TEST(WireHttpSyncTest, RequestsThatCannotBeRead) {
  SyncRequest request;
  const auto error = [&](std::string_view text) {
    const std::string body = support::ToMsgpack(support::ParseJson(text));
    return DecodeSyncRequest(body, request).error;
  };
  EXPECT_EQ(DecodeSyncRequest("\xff\xff", request).error, DecodeError::kMalformed);
  EXPECT_EQ(DecodeSyncRequest("\xff", request).error, DecodeError::kNotAMap);
  EXPECT_EQ(DecodeSyncRequest("", request).error, DecodeError::kMalformed);
  EXPECT_EQ(DecodeSyncRequest("\x81\xa1x" + std::string(300, '\x91') + "\x01", request).error,
            DecodeError::kTooDeep);
  EXPECT_EQ(error("{}"), DecodeError::kMissingField);
  EXPECT_EQ(error(R"({"clientId":"c"})"), DecodeError::kMissingField);
  EXPECT_EQ(error(R"({"clientId":"c","clientHlc":null})"), DecodeError::kMissingField);
  EXPECT_EQ(error(R"({"clientId":"c","clientHlc":{"millis":-1,"counter":0,"nodeId":"c"}})"),
            DecodeError::kBadField);
  EXPECT_EQ(error(R"({"clientId":"c","clientHlc":{"millis":1,"counter":0,"nodeId":"c"}})"),
            DecodeError::kNone);
  EXPECT_EQ(error(R"({"clientId":"c","clientHlc":{"millis":1,"counter":0,"nodeId":"c"},
                      "queries":[{"queryId":"q","mapName":"m"}],"searches":[{}]})"),
            DecodeError::kNone)
      << "a query without filter is fine";
  EXPECT_EQ(request.queries.at(0).filter, "");
}

TEST(WireHttpSyncTest, ResponseWithQueryResults) {
  SyncResponse response;
  response.server_hlc = {1700000000000, 1, "server-1"};
  response.ack = OpAckFrame{"1", std::nullopt, {}};
  response.query_results = {{"q1", {"\x81\xa1\x61\x01"}, false, std::nullopt}};
  std::string body;
  EncodeSyncResponse(response, body);
  EXPECT_EQ(ToHex(body), support::Text(GoldenBody("HTTP /sync response").at("hexCompact")));
}

TEST(WireHttpSyncTest, ResponseWithDeltasAndErrors) {
  const crdt::TimestampView server{1700000000000, 1, "server-1"};
  SyncResponse response;
  response.server_hlc = server;
  response.ack = OpAckFrame{"1", std::nullopt, {{"1", true, WriteConcern::kMemory, std::nullopt}}};
  response.deltas = {{"todos", {{"k1", {"\x01", server}}, {"k2", {"", server}}}, server}};
  response.errors = {{403, "access denied", "q2"}};
  std::string body;
  EncodeSyncResponse(response, body);
  EXPECT_EQ(ToHex(body),
            support::Text(GoldenBody("HTTP /sync response with deltas").at("hexCompact")));
}

}  // namespace
}  // namespace topgun::wire
