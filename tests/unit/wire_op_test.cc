// Operations: what they are taken for, what is refused with which words, and limits.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "support/vectors.h"
#include "wire/client_frame.h"
#include "wire/op.h"

namespace topgun::wire {
namespace {

constexpr std::string_view kTs = R"({"millis":7,"counter":1,"nodeId":"a"})";

// Replaces every TS by a valid timestamp.
std::string Expand(std::string_view json) {
  std::string out(json);
  for (size_t at = out.find("TS"); at != std::string::npos; at = out.find("TS", at)) {
    out.replace(at, 2, kTs);
    at += kTs.size();
  }
  return out;
}

std::string Frame(std::string_view json) {
  return support::ToMsgpack(support::ParseJson(Expand(json)), msgpack::Rendering::kClient);
}

// CLIENT_OP around the operation's own pairs.
std::string OpFrame(std::string_view pairs) {
  return Frame(R"({"type":"CLIENT_OP","payload":{"mapName":"m","key":"k",)" + std::string(pairs) +
               "}}");
}

struct KindCase {
  std::string_view pairs;
  OpKind kind;
  bool has_timestamp;
  std::string_view value;
  std::string_view tag;
};

TEST(WireOpTest, Classification) {
  const KindCase cases[] = {
      {R"("opType":"PUT","record":{"value":1,"timestamp":TS})", OpKind::kPut, true, "\x01", ""},
      {R"("record":{"value":"","timestamp":TS})", OpKind::kPut, true, "\xa0", ""},
      {R"("opType":"whatever","record":{"value":1,"timestamp":TS})", OpKind::kPut, true, "\x01",
       ""},
      {R"("opType":"PUT","record":{"value":1,"timestamp":TS},"orRecord":null)", OpKind::kPut, true,
       "\x01", ""},
      // a put of nothing is a tombstone
      {R"("opType":"PUT","record":{"value":null,"timestamp":TS,"ttlMs":5})", OpKind::kRemove, true,
       "", ""},
      {R"("opType":"PUT","record":{"timestamp":TS})", OpKind::kRemove, true, "", ""},
      {R"("opType":"PUT")", OpKind::kNothing, false, "", ""},
      {R"("opType":null,"orTag":null,"orRecord":null)", OpKind::kNothing, false, "", ""},
      {R"("opType":"REMOVE","record":{"value":null,"timestamp":TS})", OpKind::kRemove, true, "",
       ""},
      {R"("opType":"REMOVE","record":{"value":9,"timestamp":TS})", OpKind::kRemove, true, "", ""},
      {R"("opType":"REMOVE","timestamp":TS)", OpKind::kRemove, true, "", ""},
      {R"("opType":"REMOVE","record":{"value":null},"timestamp":TS)", OpKind::kRemove, true, "",
       ""},
      {R"("opType":"REMOVE")", OpKind::kRemove, false, "", ""},
      {R"("record":null)", OpKind::kRemove, false, "", ""},
      {R"("orRecord":{"value":1,"timestamp":TS,"tag":"t"})", OpKind::kOrAdd, true, "\x01", "t"},
      {R"("orRecord":{"value":null,"timestamp":TS,"tag":"t"})", OpKind::kOrAdd, true, "\xc0", "t"},
      {R"("orRecord":{"timestamp":TS,"tag":"t"},"orTag":"u")", OpKind::kOrAdd, true, "\xc0", "t"},
      {R"("orTag":"t","timestamp":TS)", OpKind::kOrRemove, true, "", "t"},
      {R"("orTag":"t","orRecord":null)", OpKind::kOrRemove, false, "", "t"},
  };
  ClientFrame frame;
  for (const KindCase& item : cases) {
    const std::string bytes = OpFrame(item.pairs);
    ASSERT_TRUE(Decode(bytes, frame).ok()) << item.pairs;
    const Op& op = frame.client_op.op;
    EXPECT_EQ(op.error, "") << item.pairs;
    EXPECT_EQ(op.kind, item.kind) << item.pairs;
    EXPECT_EQ(op.has_timestamp, item.has_timestamp) << item.pairs;
    EXPECT_EQ(op.value, item.value) << item.pairs;
    EXPECT_EQ(op.tag, item.tag) << item.pairs;
    EXPECT_EQ(op.map, "m");
    EXPECT_EQ(op.key, "k");
    EXPECT_EQ(op.timestamp.millis, item.has_timestamp ? 7 : 0) << item.pairs;
    EXPECT_TRUE(op.kind != OpKind::kRemove || !op.has_ttl) << item.pairs;
  }
}

struct ErrorCase {
  std::string_view pairs;
  std::string_view error;
};

TEST(WireOpTest, InvalidFieldsAreNamed) {
  const ErrorCase cases[] = {
      {R"("record":5)", "record: must be a map"},
      {R"("opType":"REMOVE","record":5,"timestamp":TS)", "record: must be a map"},
      {R"("record":{"value":1})", "record.timestamp: is required"},
      {R"("record":{"value":1,"timestamp":null},"timestamp":TS)", "record.timestamp: is required"},
      {R"("record":{"value":1,"timestamp":5})", "record.timestamp: must be a map"},
      {R"("record":{"value":1,"timestamp":{}})", "record.timestamp.millis: is required"},
      {R"("record":{"value":1,"timestamp":{"millis":-1,"counter":0,"nodeId":"a"}})",
       "record.timestamp.millis: must be a whole number >= 0"},
      {R"("record":{"value":1,"timestamp":{"millis":1.5,"counter":0,"nodeId":"a"}})",
       "record.timestamp.millis: must be a whole number >= 0"},
      {R"("record":{"value":1,"timestamp":{"millis":1e17,"counter":0,"nodeId":"a"}})",
       "record.timestamp.millis: must be a whole number >= 0"},
      {R"("record":{"value":1,"timestamp":{"millis":"1","counter":0,"nodeId":"a"}})",
       "record.timestamp.millis: must be a whole number >= 0"},
      {R"("record":{"value":1,"timestamp":{"millis":1,"counter":0.5,"nodeId":"a"}})",
       "record.timestamp.counter: must be a whole number >= 0"},
      {R"("record":{"value":1,"timestamp":{"millis":1,"nodeId":"a"}})",
       "record.timestamp.counter: is required"},
      {R"("record":{"value":1,"timestamp":{"millis":1,"counter":0,"nodeId":""}})",
       "record.timestamp.nodeId: must not be empty"},
      {R"("record":{"value":1,"timestamp":{"millis":1,"counter":0,"nodeId":"a:b"}})",
       "record.timestamp.nodeId: must not contain ':'"},
      {R"("record":{"value":1,"timestamp":{"millis":1,"counter":0,"nodeId":7}})",
       "record.timestamp.nodeId: must be a string"},
      {R"("record":{"value":1,"timestamp":TS,"ttlMs":-1})",
       "record.ttlMs: must be a finite number > 0"},
      {R"("record":{"value":1,"timestamp":TS,"ttlMs":"9"})",
       "record.ttlMs: must be a finite number > 0"},
      {R"("orRecord":5)", "orRecord: must be a map"},
      {R"("orRecord":{"value":1,"tag":"t"})", "orRecord.timestamp: is required"},
      {R"("orRecord":{"value":1,"timestamp":TS})", "orRecord.tag: is required"},
      {R"("orRecord":{"value":1,"timestamp":TS,"tag":null})", "orRecord.tag: is required"},
      {R"("orRecord":{"value":1,"timestamp":TS,"tag":""})", "orRecord.tag: must not be empty"},
      {R"("orRecord":{"value":1,"timestamp":TS,"tag":5})", "orRecord.tag: must be a string"},
      {R"("orTag":"")", "orTag: must not be empty"},
      {R"("orTag":5)", "orTag: must be a string"},
      {R"("orTag":"t","timestamp":{"millis":-1,"counter":0,"nodeId":"a"})",
       "timestamp.millis: must be a whole number >= 0"},
      {R"("opType":"REMOVE","timestamp":"now")", "timestamp: must be a map"},
      {R"("opType":5)", "opType: must be a string"},
      {R"("id":5)", "id: must be a string"},
      {R"("writeConcern":"ALL")",
       "writeConcern: must be one of FIRE_AND_FORGET, MEMORY, APPLIED, REPLICATED, PERSISTED"},
      {R"("writeConcern":5)", "writeConcern: must be a string"},
      {R"("timeout":"5")", "timeout: must be a number"},
  };
  ClientFrame frame;
  for (const ErrorCase& item : cases) {
    const std::string bytes = OpFrame(item.pairs);
    ASSERT_TRUE(Decode(bytes, frame).ok()) << item.pairs;
    EXPECT_EQ(frame.client_op.op.error, item.error) << item.pairs;
    EXPECT_EQ(ValidateOp(frame.client_op.op, {}), item.error);
  }
}

TEST(WireOpTest, FieldsThatDoNotMatterAreNotJudged) {
  const std::string_view cases[] = {
      // the operation's own timestamp, when the record has one
      R"("record":{"value":1,"timestamp":TS},"timestamp":"junk")",
      R"("opType":"REMOVE","record":{"value":null,"timestamp":TS},"timestamp":5)",
      // the record of an OR operation
      R"("record":{"value":1},"orRecord":{"value":1,"timestamp":TS,"tag":"t"})",
      R"("record":{"value":1,"timestamp":TS},"synced":"maybe","extra":{"a":[1]})",
  };
  ClientFrame frame;
  for (const std::string_view pairs : cases) {
    const std::string bytes = OpFrame(pairs);
    ASSERT_TRUE(Decode(bytes, frame).ok()) << pairs;
    EXPECT_EQ(frame.client_op.op.error, "") << pairs;
  }
}

TEST(WireOpTest, NonFiniteNumbersAreRefused) {
  using std::string_literals::operator""s;
  const std::string numbers[] = {"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"s,
                                 "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"s,
                                 "\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"s};
  ClientFrame frame;
  for (const std::string& number : numbers) {
    // 77 is a placeholder that fits in one byte ("M") and is replaced by the number.
    std::string bytes = OpFrame(R"("record":{"timestamp":{"millis":77}})");
    bytes.replace(bytes.find('M', bytes.find("millis")), 1, number);
    ASSERT_TRUE(Decode(bytes, frame).ok());
    EXPECT_EQ(frame.client_op.op.error, "record.timestamp.millis: must be a whole number >= 0");

    bytes = OpFrame(R"("record":{"timestamp":TS,"ttlMs":77})");
    bytes.replace(bytes.find('M', bytes.find("ttlMs") + 5), 1, number);
    ASSERT_TRUE(Decode(bytes, frame).ok());
    EXPECT_EQ(frame.client_op.op.error, "record.ttlMs: must be a finite number > 0");
  }
}

TEST(WireOpTest, TtlOfZeroOrNilIsNone) {
  ClientFrame frame;
  for (const std::string_view ttl : {"0", "null", "0.0"}) {
    const std::string bytes =
        OpFrame(R"("record":{"value":1,"timestamp":TS,"ttlMs":)" + std::string(ttl) + "}");
    ASSERT_TRUE(Decode(bytes, frame).ok());
    EXPECT_EQ(frame.client_op.op.error, "");
    EXPECT_FALSE(frame.client_op.op.has_ttl);
  }
  const std::string bytes = OpFrame(R"("record":{"value":1,"timestamp":TS,"ttlMs":1.5})");
  ASSERT_TRUE(Decode(bytes, frame).ok());
  EXPECT_TRUE(frame.client_op.op.has_ttl);
  EXPECT_EQ(frame.client_op.op.ttl_ms, 1.5);
}

TEST(WireOpTest, ErrorsOfABatchNameTheOperation) {
  const std::string bytes = Frame(R"({"type":"OP_BATCH","payload":{"writeConcern":"NEVER","ops":[
      {"mapName":"m","key":"a","record":{"value":1,"timestamp":TS}},
      {"mapName":"m","key":"b","record":{"value":1,"timestamp":{"millis":-1}}}]}})");
  ClientFrame frame;
  ASSERT_TRUE(Decode(bytes, frame).ok());
  ASSERT_EQ(frame.op_batch.ops.size(), 2U);
  EXPECT_EQ(frame.op_batch.ops[0].error, "");
  EXPECT_EQ(frame.op_batch.ops[1].error,
            "ops[1].record.timestamp.millis: must be a whole number >= 0");
  EXPECT_EQ(frame.op_batch.error,
            "writeConcern: must be one of FIRE_AND_FORGET, MEMORY, APPLIED, REPLICATED, PERSISTED");
}

TEST(WireOpTest, LastOfEqualKeysCounts) {
  const std::string good = Frame(R"({"value":1,"timestamp":TS})");
  const std::string bad = Frame(R"({"value":2,"ttlMs":-1})");
  const auto with_records = [](const std::string& first, const std::string& second) {
    std::string bytes = "\x82\xa4type\xa9";
    bytes.append("CLIENT_OP\xa7payload\x84\xa7mapName\xa1m\xa3key\xa1k\xa6record")
        .append(first)
        .append("\xa6record")
        .append(second);
    return bytes;
  };
  ClientFrame frame;
  const std::string good_last = with_records(bad, good);
  ASSERT_TRUE(Decode(good_last, frame).ok());
  EXPECT_EQ(frame.client_op.op.error, "");
  EXPECT_EQ(frame.client_op.op.value, "\x01");
  EXPECT_FALSE(frame.client_op.op.has_ttl);

  const std::string bad_last = with_records(good, bad);
  ASSERT_TRUE(Decode(bad_last, frame).ok());
  EXPECT_EQ(frame.client_op.op.error, "record.timestamp: is required");
}

Op ValidOp() {
  Op op;
  op.map = "m";
  op.key = "k";
  op.kind = OpKind::kPut;
  op.value = "\x01";
  op.timestamp = {1, 0, "a"};
  op.has_timestamp = true;
  return op;
}

TEST(WireOpTest, SizeLimitsAreInclusive) {
  const OpLimits limits{.value_bytes_max = 10};
  const auto refused = [&](auto&& change) {
    Op op = ValidOp();
    change(op);
    return ValidateOp(op, limits);
  };
  const std::string text(64 * 1024 + 1, 'x');
  const auto first = [&](size_t size) { return std::string_view(text).substr(0, size); };

  EXPECT_EQ(refused([](Op&) {}), "");
  EXPECT_EQ(refused([&](Op& op) { op.map = first(1024); }), "");
  EXPECT_EQ(refused([&](Op& op) { op.map = first(1025); }),
            "mapName: 1025 bytes exceed the maximum of 1024");
  EXPECT_EQ(refused([](Op& op) { op.map = ""; }), "mapName: must not be empty");
  EXPECT_EQ(refused([&](Op& op) { op.key = first(65536); }), "");
  EXPECT_EQ(refused([&](Op& op) { op.key = first(65537); }),
            "key: 65537 bytes exceed the maximum of 65536");
  EXPECT_EQ(refused([](Op& op) { op.key = ""; }), "");
  EXPECT_EQ(refused([&](Op& op) { op.tag = first(65537); }),
            "tag: 65537 bytes exceed the maximum of 65536");
  EXPECT_EQ(refused([&](Op& op) { op.timestamp.node_id = first(256); }), "");
  EXPECT_EQ(refused([&](Op& op) { op.timestamp.node_id = first(257); }),
            "nodeId: 257 bytes exceed the maximum of 256");
  EXPECT_EQ(refused([&](Op& op) { op.value = first(10); }), "");
  EXPECT_EQ(refused([&](Op& op) { op.value = first(11); }),
            "value size 11 bytes exceeds maximum 10 bytes");
  EXPECT_EQ(refused([](Op& op) { op.error = "id: must be a string"; }), "id: must be a string");
}

TEST(WireOpTest, ReservedNames) {
  for (const std::string_view name :
       {"_topgun_", "_topgun_x", "__topgun_x", "_TOPGUN_x", "__TopGun_Policies"}) {
    EXPECT_TRUE(IsReservedMapName(name)) << name;
    EXPECT_NE(ValidateMapName(name, {}), "") << name;
  }
  for (const std::string_view name :
       {"topgun_x", "_topgun", "x_topgun_", "___topgun_", "a:b", "$sys/x", "_"}) {
    EXPECT_FALSE(IsReservedMapName(name)) << name;
    EXPECT_EQ(ValidateMapName(name, {}), "") << name;
  }
}

TEST(WireOpTest, WordsRoundTrip) {
  for (const WriteConcern level :
       {WriteConcern::kFireAndForget, WriteConcern::kMemory, WriteConcern::kApplied,
        WriteConcern::kReplicated, WriteConcern::kPersisted}) {
    EXPECT_EQ(WriteConcernOf(Name(level)), level);
  }
  EXPECT_EQ(WriteConcernOf("applied"), std::nullopt);
  for (const OpKind kind : {OpKind::kPut, OpKind::kRemove, OpKind::kOrAdd, OpKind::kOrRemove}) {
    EXPECT_EQ(OpKindOf(Name(kind)), kind);
  }
  EXPECT_EQ(Name(OpKind::kNothing), "PUT");
  for (size_t i = 0; i < kFrameTypeCount; ++i) {
    const auto type = static_cast<FrameType>(i);
    EXPECT_EQ(FrameTypeOf(Name(type)), type);
  }
}

}  // namespace
}  // namespace topgun::wire
