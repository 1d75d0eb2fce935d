// Frames that are broken, hostile or merely odd.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "support/vectors.h"
#include "wire/batch.h"
#include "wire/client_encode.h"
#include "wire/client_frame.h"
#include "wire/server_frame.h"

namespace topgun::wire {
namespace {

using std::string_literals::operator""s;

std::string Pack(std::string_view json) {
  return support::ToMsgpack(support::ParseJson(json), msgpack::Rendering::kCompact);
}

DecodeError ErrorOf(std::string_view bytes) {
  ClientFrame frame;
  return Decode(bytes, frame).error;
}

DecodeError ErrorOfJson(std::string_view json) { return ErrorOf(Pack(json)); }

// A PUT whose value is `depth` arrays around a number.
std::string DeepClientOp(uint32_t depth) {
  Op op;
  const std::string value = std::string(depth, '\x91') + "\x01";
  op.id = "deep";
  op.has_id = true;
  op.map = "m";
  op.key = "k";
  op.kind = OpKind::kPut;
  op.value = value;
  op.timestamp = {1, 0, "a"};
  op.has_timestamp = true;
  std::string bytes;
  EncodeClientOp(op, bytes);
  return bytes;
}

std::vector<std::string> AllGoldenClientFrames() {
  std::vector<std::string> frames;
  for (const auto& row : support::LoadVectors("frames.json").at("frames").as_array()) {
    const boost::json::value& type = row.at("type");
    if (!type.is_string() || support::Text(row.at("direction")) != "client->server") continue;
    frames.push_back(support::FromHex(support::Text(row.at("hex"))));
  }
  return frames;
}

TEST(WireDecodeTest, EveryTruncationIsMalformed) {
  ClientFrame frame;
  for (const std::string& bytes : AllGoldenClientFrames()) {
    ASSERT_TRUE(Decode(bytes, frame).ok());
    for (size_t size = 0; size < bytes.size(); ++size) {
      // A copy of exactly this size, so that the sanitizer sees a read beyond it.
      const std::string prefix = bytes.substr(0, size);
      EXPECT_EQ(ErrorOf(prefix), DecodeError::kMalformed) << Name(frame.type) << " " << size;
    }
    EXPECT_EQ(ErrorOf(bytes + '\x00'), DecodeError::kMalformed) << "bytes after the value";
  }
}

TEST(WireDecodeTest, EveryCorruptByteIsSurvived) {
  ClientFrame frame;
  for (const std::string& bytes : AllGoldenClientFrames()) {
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (const int byte : {0x00, 0x7f, 0x80, 0x9f, 0xc0, 0xc1, 0xc9, 0xdb, 0xdd, 0xdf, 0xff}) {
        std::string corrupt = bytes;
        corrupt[at] = static_cast<char>(byte);
        const DecodeResult result = Decode(corrupt, frame);
        EXPECT_TRUE(result.ok() || !Name(result.error).empty());
      }
    }
  }
}

TEST(WireDecodeTest, NotAMessage) {
  EXPECT_EQ(ErrorOf(""), DecodeError::kMalformed);
  EXPECT_EQ(ErrorOf("\xc1"), DecodeError::kMalformed);
  EXPECT_EQ(ErrorOf("\xff\xff"), DecodeError::kMalformed);
  EXPECT_EQ(ErrorOf("\x01"), DecodeError::kNotAMap);
  EXPECT_EQ(ErrorOf("\x90"), DecodeError::kNotAMap);
  EXPECT_EQ(ErrorOf("\x80"), DecodeError::kNoType);
  EXPECT_EQ(ErrorOf("\x81\xa4type\x01"), DecodeError::kNoType);
  EXPECT_EQ(ErrorOf("\x81\xa4type\xc0"), DecodeError::kNoType);
  EXPECT_EQ(ErrorOf("\x81\xa4type\xa0"), DecodeError::kUnknownType);
  EXPECT_EQ(ErrorOfJson(R"({"type":"NO_SUCH"})"), DecodeError::kUnknownType);
  EXPECT_EQ(ErrorOfJson(R"({"type":"ping","timestamp":1})"), DecodeError::kUnknownType);
  EXPECT_EQ(ErrorOfJson(R"({"type":"AUTH_REQUIRED"})"), DecodeError::kUnknownType)
      << "only servers send it";
}

TEST(WireDecodeTest, MissingAndWrongFieldsOfEveryFrame) {
  const std::string_view missing[] = {
      R"({"type":"AUTH"})",
      R"({"type":"AUTH","token":null})",
      R"({"type":"PING"})",
      R"({"type":"BATCH","count":1})",
      R"({"type":"CLIENT_OP"})",
      R"({"type":"CLIENT_OP","payload":null})",
      R"({"type":"CLIENT_OP","payload":{"key":"k"}})",
      R"({"type":"CLIENT_OP","payload":{"mapName":"m"}})",
      R"({"type":"OP_BATCH"})",
      R"({"type":"OP_BATCH","payload":{}})",
      R"({"type":"OP_BATCH","payload":{"ops":null}})",
      R"({"type":"OP_BATCH","payload":{"ops":[{"mapName":"m"}]}})",
      R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m"}})",
      R"({"type":"QUERY_SUB","payload":{"queryId":"q","query":{}}})",
      R"({"type":"QUERY_SUB","payload":{"mapName":"m","query":{}}})",
      R"({"type":"QUERY_UNSUB","payload":{}})",
      R"({"type":"SYNC_INIT"})",
      R"({"type":"MERKLE_REQ_BUCKET","payload":{"mapName":"m"}})",
      R"({"type":"ORMAP_MERKLE_REQ_BUCKET","payload":{"path":""}})",
      R"({"type":"ORMAP_SYNC_INIT","mapName":"m","bucketHashes":{}})",
      R"({"type":"ORMAP_SYNC_INIT","mapName":"m","rootHash":0})",
      R"({"type":"ORMAP_PUSH_DIFF","payload":{"mapName":"m"}})",
      R"({"type":"ORMAP_PUSH_DIFF","payload":{"mapName":"m","entries":[{}]}})",
      R"({"type":"ORMAP_DIFF_REQUEST","payload":{"mapName":"m"}})",
      R"({"type":"ORMAP_DIFF_REQUEST","payload":{"mapName":"m","keys":[null]}})",
      R"({"type":"CLIENT_APPLY_ACK"})",
      R"({"type":"COUNTER_REQUEST","payload":{}})",
      R"({"type":"COUNTER_SYNC","payload":{"name":"c"}})",
      R"({"type":"COUNTER_SYNC","payload":{"name":"c","state":null}})",
      R"({"type":"COUNTER_SYNC","payload":{"state":{}}})",
      R"({"type":"SEARCH","payload":{"mapName":"m","query":"q"}})",
      R"({"type":"SEARCH","payload":{"requestId":"r","query":"q"}})",
      R"({"type":"SEARCH","payload":{"requestId":"r","mapName":"m"}})",
      R"({"type":"SEARCH_SUB","payload":{"requestId":"r","mapName":"m","query":"q"}})",
      R"({"type":"SEARCH_UNSUB","payload":{}})",
      R"({"type":"TOPIC_SUB","payload":{}})",
      R"({"type":"TOPIC_UNSUB"})",
      R"({"type":"TOPIC_PUB","payload":{"data":1}})",
  };
  for (const std::string_view json : missing) {
    EXPECT_EQ(ErrorOfJson(json), DecodeError::kMissingField) << json;
  }
  const std::string_view wrong[] = {
      R"({"type":"AUTH","token":5})",
      R"({"type":"PING","timestamp":"now"})",
      R"({"type":"BATCH","data":"text"})",
      R"({"type":"CLIENT_OP","payload":[]})",
      R"({"type":"CLIENT_OP","payload":{"mapName":5,"key":"k"}})",
      R"({"type":"CLIENT_OP","payload":{"mapName":"m","key":5}})",
      R"({"type":"OP_BATCH","payload":"x"})",
      R"({"type":"OP_BATCH","payload":{"ops":{}}})",
      R"({"type":"OP_BATCH","payload":{"ops":[5]}})",
      R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m","query":[]}})",
      R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m","query":{"limit":-1}}})",
      R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m","query":{"limit":1.5}}})",
      R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m","query":{"where":[]}}})",
      R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m","query":{"sort":"a"}}})",
      R"({"type":"SYNC_INIT","mapName":"m","lastSyncTimestamp":-1})",
      R"({"type":"ORMAP_SYNC_INIT","mapName":"m","rootHash":4294967296,"bucketHashes":{}})",
      R"({"type":"ORMAP_SYNC_INIT","mapName":"m","rootHash":0,"bucketHashes":{"1":-1}})",
      R"({"type":"ORMAP_PUSH_DIFF","payload":{"mapName":"m","entries":[5]}})",
      R"({"type":"CLIENT_APPLY_ACK","cursor":"3"})",
      R"({"type":"SEARCH","payload":{"requestId":7}})",
      R"({"type":"SEARCH_SUB","payload":{"query":[]}})",
      R"({"type":"SEARCH_UNSUB","payload":{"subscriptionId":true}})",
      R"({"type":"PARTITION_MAP_REQUEST","payload":{"currentVersion":"1"}})",
      R"({"type":"COUNTER_REQUEST","payload":{"name":5}})",
      R"({"type":"COUNTER_SYNC","payload":{"name":"c","state":[]}})",
      R"({"type":"TOPIC_SUB","payload":{"topic":5}})",
      R"({"type":"TOPIC_PUB","payload":{"topic":["t"],"data":1}})",
  };
  for (const std::string_view json : wrong) {
    EXPECT_EQ(ErrorOfJson(json), DecodeError::kBadField) << json;
  }
}

TEST(WireDecodeTest, DepthIsCountedFromTheFrame) {
  // map, payload and record surround the value: 3 + 253 = 256.
  EXPECT_EQ(ErrorOf(DeepClientOp(253)), DecodeError::kNone);
  EXPECT_EQ(ErrorOf(DeepClientOp(254)), DecodeError::kTooDeep);
  EXPECT_EQ(ErrorOf(DeepClientOp(500)), DecodeError::kTooDeep);
  EXPECT_EQ(ErrorOf(DeepClientOp(1'000'000)), DecodeError::kTooDeep);
  // An ignored key is no way around it.
  EXPECT_EQ(ErrorOf("\x82\xa4type\xacPARTITION_MA\xa1x"s + std::string(300, '\x91') + "\x01"),
            DecodeError::kTooDeep);
}

TEST(WireDecodeTest, DeepItemOfABatchIsItsOwnProblem) {
  std::string data;
  AppendBatchItem(DeepClientOp(1), data);
  AppendBatchItem(DeepClientOp(500), data);
  AppendBatchItem("", data);
  AppendBatchItem(DeepClientOp(2), data);
  std::string bytes;
  EncodeBatch({data}, bytes);

  ClientFrame batch;
  ASSERT_TRUE(Decode(bytes, batch).ok());
  std::vector<DecodeError> errors;
  BatchWalker walker(batch.batch.data);
  std::string_view item;
  while (walker.Next(&item)) errors.push_back(ErrorOf(item));
  EXPECT_EQ(errors, (std::vector{DecodeError::kNone, DecodeError::kTooDeep, DecodeError::kMalformed,
                                 DecodeError::kNone}));
}

TEST(WireDecodeTest, HeadersThatLieCostNothing) {
  const std::string ops = "\x82\xa4type\xa8OP_BATCH\xa7payload\x81\xa3ops"s;
  EXPECT_EQ(ErrorOf(ops + "\xdd\xff\xff\xff\xff"), DecodeError::kMalformed);
  EXPECT_EQ(ErrorOf(ops + "\xdd\x00\x00\x00\x02\x80"s), DecodeError::kMalformed);
  EXPECT_EQ(ErrorOf("\xdf\xff\xff\xff\xff\xa4type\xa4PING"), DecodeError::kMalformed);
}

TEST(WireDecodeTest, TypeMayStandAnywhere) {
  ClientFrame frame;
  const std::string last = Pack(R"({"timestamp":5,"extra":[1,{"type":"AUTH"}],"type":"PING"})");
  ASSERT_TRUE(Decode(last, frame).ok());
  EXPECT_EQ(frame.type, FrameType::kPing);
  EXPECT_EQ(frame.ping.timestamp, 5);

  const std::string wrapped =
      Pack(R"({"payload":{"path":"3","mapName":"m"},"type":"MERKLE_REQ_BUCKET"})");
  ASSERT_TRUE(Decode(wrapped, frame).ok());
  EXPECT_EQ(frame.merkle_req_bucket.path, "3");
}

TEST(WireDecodeTest, LastOfSeveralTypesCounts) {
  ClientFrame frame;
  ASSERT_TRUE(Decode("\x83\xa4type\xa4PING\xa5token\xa1t\xa4type\xa4"
                     "AUTH",
                     frame)
                  .ok());
  EXPECT_EQ(frame.type, FrameType::kAuth);
  ASSERT_TRUE(Decode("\x83\xa4type\xa4NOPE\xa5token\xa1t\xa4type\xa4"
                     "AUTH",
                     frame)
                  .ok());
  ASSERT_TRUE(Decode("\x83\xa4type\xa4PING\xa9timestamp\x05\xa4type\xa4PING", frame).ok());
  EXPECT_EQ(frame.ping.timestamp, 5);
  EXPECT_EQ(ErrorOf("\x83\xa4type\xa4PING\xa9timestamp\x05\xa4type\x01"), DecodeError::kNoType);
  EXPECT_EQ(ErrorOf("\x83\xa4type\xa4PING\xa9timestamp\x05\xa4type\xa4NOPE"),
            DecodeError::kUnknownType);
}

TEST(WireDecodeTest, LastOfEqualKeysCounts) {
  ClientFrame frame;
  ASSERT_TRUE(Decode("\x83\xa4type\xa4PING\xa9timestamp\x05\xa9timestamp\x06", frame).ok());
  EXPECT_EQ(frame.ping.timestamp, 6);
  EXPECT_EQ(ErrorOf("\x83\xa4type\xa4PING\xa9timestamp\x05\xa9timestamp\xc0"),
            DecodeError::kMissingField);
  const std::string two_queries =
      "\x82\xa4type\xa9QUERY_SUB\xa7payload\x84\xa7queryId\xa1q\xa7mapName\xa1m\xa5query" +
      Pack(R"({"limit":3,"cursor":"c"})") + "\xa5query" + Pack(R"({"cursor":"d"})");
  ASSERT_TRUE(Decode(two_queries, frame).ok());
  EXPECT_EQ(frame.query_sub.limit, std::nullopt);
  EXPECT_EQ(frame.query_sub.cursor, "d");
  // Nothing of the first payload survives.
  const std::string first = Pack(R"({"queryId":"q","mapName":"m","query":{"limit":3}})");
  const std::string second = Pack(R"({"queryId":"q","query":{}})");
  EXPECT_EQ(ErrorOf("\x83\xa4type\xa9QUERY_SUB\xa7payload" + first + "\xa7payload" + second),
            DecodeError::kMissingField);
}

TEST(WireDecodeTest, KeysThatAreNoTextAreSkipped) {
  ClientFrame frame;
  ASSERT_TRUE(Decode("\x84\xa4type\xa4PING\x01\x02\x90\x91\x01\xa9timestamp\x05", frame).ok());
  EXPECT_EQ(frame.ping.timestamp, 5);
}

TEST(WireDecodeTest, WholeFloatsAreAcceptedEverywhere) {
  const std::string three = "\xcb\x40\x08\x00\x00\x00\x00\x00\x00"s;
  ClientFrame frame;
  const std::string sync = "\x85\xa4type\xafORMAP_SYNC_INIT\xa7mapName\xa1m\xa8rootHash"s + three +
                           "\xac"s
                           "bucketHashes\x81\xa1"
                           "9" +
                           three +
                           "\xac"s
                           "claimedEpoch" +
                           three;
  ASSERT_TRUE(Decode(sync, frame).ok());
  EXPECT_EQ(frame.or_map_sync_init.root_hash, 3U);
  EXPECT_EQ(frame.or_map_sync_init.bucket_hashes.at(0).hash, 3U);
  EXPECT_EQ(frame.or_map_sync_init.claimed_epoch, 3);

  const std::string query =
      "\x82\xa4type\xa9QUERY_SUB\xa7payload\x83\xa7queryId\xa1q\xa7mapName"
      "\xa1m\xa5query\x81\xa5limit"s +
      three;
  ASSERT_TRUE(Decode(query, frame).ok());
  EXPECT_EQ(frame.query_sub.limit, 3U);
}

TEST(WireDecodeTest, QueryPartsAreRawAndOptional) {
  const std::string bytes = Pack(R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m",
      "query":{"where":{"a":1},"predicate":null,"sort":{"a":"asc"},"fields":["x"],"other":7},
      "fields":["a"]}})");
  ClientFrame frame;
  ASSERT_TRUE(Decode(bytes, frame).ok());
  EXPECT_EQ(frame.query_sub.where, Pack(R"({"a":1})"));
  EXPECT_EQ(frame.query_sub.predicate, "");
  EXPECT_EQ(frame.query_sub.sort, Pack(R"({"a":"asc"})"));
  EXPECT_EQ(frame.query_sub.fields, Pack(R"(["a"])")) << "not the ones leaked into the query";
  EXPECT_EQ(frame.query_sub.group_by, "");
  EXPECT_EQ(frame.query_sub.limit, std::nullopt);
  EXPECT_EQ(frame.query_sub.cursor, std::nullopt);
}

TEST(WireDecodeTest, AReusedFrameForgetsTheOneBefore) {
  ClientFrame frame;
  const std::string full = Pack(R"({"type":"OP_BATCH","payload":{"writeConcern":"MEMORY",
      "timeout":5,"ops":[{"mapName":"m","key":"k","id":"1","record":5}]}})");
  const std::string plain =
      Pack(R"({"type":"OP_BATCH","payload":{"ops":[{"mapName":"m","key":"k"}]}})");
  ASSERT_TRUE(Decode(full, frame).ok());
  ASSERT_TRUE(Decode(plain, frame).ok());
  ASSERT_EQ(frame.op_batch.ops.size(), 1U);
  EXPECT_EQ(frame.op_batch.ops[0].error, "");
  EXPECT_FALSE(frame.op_batch.ops[0].has_id);
  EXPECT_EQ(frame.op_batch.write_concern, std::nullopt);
  EXPECT_EQ(frame.op_batch.timeout_ms, std::nullopt);

  const std::string cursor = Pack(R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m",
      "query":{"cursor":"c","limit":1}}})");
  const std::string bare =
      Pack(R"({"type":"QUERY_SUB","payload":{"queryId":"q","mapName":"m","query":{}}})");
  ASSERT_TRUE(Decode(cursor, frame).ok());
  ASSERT_TRUE(Decode(bare, frame).ok());
  EXPECT_EQ(frame.query_sub.cursor, std::nullopt);
  EXPECT_EQ(frame.query_sub.limit, std::nullopt);
}

TEST(WireDecodeTest, InvalidRecordsOfAPushAreLeftOut) {
  const std::string bytes = Pack(R"({"type":"ORMAP_PUSH_DIFF","payload":{"mapName":"m","entries":[
      {"tombstones":["t9",""],"records":[
         {"value":1,"timestamp":{"millis":1,"counter":0,"nodeId":"a"},"tag":"t1"},
         {"value":2,"timestamp":{"millis":-1,"counter":0,"nodeId":"a"},"tag":"t2"},
         {"value":3,"timestamp":{"millis":1,"counter":0,"nodeId":"a"}}, 7],"key":"k1"},
      {"key":"k2"}]}})");
  ClientFrame frame;
  ASSERT_TRUE(Decode(bytes, frame).ok());
  const OrMapPushDiffFrame& push = frame.or_map_push_diff;
  ASSERT_EQ(push.entries.size(), 2U);
  EXPECT_EQ(push.entries.key(0), "k1");
  ASSERT_EQ(push.entries.records(0).size(), 1U);
  EXPECT_EQ(push.entries.records(0)[0].tag, "t1");
  ASSERT_EQ(push.entries.tombstones(0).size(), 1U);
  EXPECT_EQ(push.entries.tombstones(0)[0], "t9");
  EXPECT_EQ(push.entries.records(1).size(), 0U);
  EXPECT_EQ(push.entries.tombstones(1).size(), 0U);
  EXPECT_EQ(push.invalid_records, 3U);
}

TEST(WireDecodeTest, ServerFramesSurviveTruncation) {
  ServerFrame frame;
  for (const auto& row : support::LoadVectors("frames.json").at("frames").as_array()) {
    const auto* hex = row.as_object().if_contains("hexCompact");
    if (hex == nullptr) continue;
    const std::string bytes = support::FromHex(support::Text(*hex));
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(DecodeServerFrame(bytes.substr(0, size), frame).ok());
    }
  }
}

TEST(WireBatchTest, CountsCompleteItemsOnly) {
  EXPECT_EQ(CountBatchItems(""), 0U);
  EXPECT_EQ(CountBatchItems("\x00\x00\x00"s), 0U);
  EXPECT_EQ(CountBatchItems("\x00\x00\x00\x01"s), 0U);
  EXPECT_EQ(CountBatchItems("\x00\x00\x00\x01x\x00\x00"s), 1U);
  EXPECT_EQ(CountBatchItems("\xff\xff\xff\xff"s
                            "x"),
            0U);
  EXPECT_EQ(CountBatchItems(std::string(size_t{4} * 40001, '\0')), 40001U);
  EXPECT_GT(40001U, kBatchItemsMax);
}

}  // namespace
}  // namespace topgun::wire
