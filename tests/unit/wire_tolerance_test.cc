// Fields that may hold anything, and values that other clients could not decode.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>

#include "support/vectors.h"
#include "wire/client_frame.h"
#include "wire/plain_name.h"

namespace topgun::wire {
namespace {

using std::string_literals::operator""s;

// A frame given as JSON in which the text HERE stands for `value`, which is MessagePack.
std::string FrameWith(std::string_view json, std::string_view value) {
  std::string bytes = support::ToMsgpack(support::ParseJson(json), msgpack::Rendering::kCompact);
  bytes.replace(bytes.find("\xa4HERE"), 5, value);
  return bytes;
}

// ---- core.md 2.3, 2.5: authentication never fails because of these ----

TEST(WireToleranceTest, ADeviceTokenOfAnotherKindIsNone) {
  ClientFrame frame;
  for (const std::string& value : {"\x05"s, "\x90"s, "\x81\xa1\x61\x01"s, "\xc0"s}) {
    const std::string auth =
        FrameWith(R"({"type":"AUTH","token":"t","deviceToken":"HERE"})", value);
    ASSERT_TRUE(Decode(auth, frame).ok());
    EXPECT_EQ(frame.auth.token, "t");
    EXPECT_FALSE(frame.auth.device_token);
    const std::string hello = FrameWith(R"({"type":"DEVICE_HELLO","deviceToken":"HERE"})", value);
    ASSERT_TRUE(Decode(hello, frame).ok());
    EXPECT_FALSE(frame.device_hello.device_token);
  }
}

TEST(WireToleranceTest, AnyProtocolVersionIsAccepted) {
  ClientFrame frame;
  for (const std::string& value : {"\xa1\x31"s, "\xff"s, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s}) {
    const std::string auth =
        FrameWith(R"({"type":"AUTH","protocolVersion":"HERE","token":"t"})", value);
    ASSERT_TRUE(Decode(auth, frame).ok());
    EXPECT_EQ(frame.auth.token, "t");
  }
}

// ---- core.md 5.1: `timeout` is any number ----

TEST(WireToleranceTest, ATimeoutMayBeAnyNumber) {
  const std::string_view json =
      R"({"type":"OP_BATCH","payload":{"timeout":"HERE","ops":[{"mapName":"m","key":"k"}]}})";
  ClientFrame frame;
  const std::string minus_five = FrameWith(json, "\xfb");
  ASSERT_TRUE(Decode(minus_five, frame).ok());
  EXPECT_EQ(frame.op_batch.error, "");
  EXPECT_EQ(frame.op_batch.timeout_ms, -5);
  const std::string no_number = FrameWith(json, "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"s);
  ASSERT_TRUE(Decode(no_number, frame).ok());
  EXPECT_EQ(frame.op_batch.error, "");
  EXPECT_TRUE(frame.op_batch.timeout_ms && std::isnan(*frame.op_batch.timeout_ms));
}

// ---- features.md 3: the client waits for an answer whatever it sends ----

TEST(WireToleranceTest, ALockIsReleasedUnderAWholeNumberOrNone) {
  const std::string_view json =
      R"({"type":"LOCK_RELEASE","payload":{"name":"n","fencingToken":"HERE"}})";
  ClientFrame frame;
  for (const std::string& value :
       {"\xc0"s, "\xff"s, "\xa1\x37"s, "\x90"s, "\xc3"s, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s,
        "\xcf\x80\x00\x00\x00\x00\x00\x00\x00"s}) {
    const std::string bytes = FrameWith(json, value);
    ASSERT_TRUE(Decode(bytes, frame).ok());
    EXPECT_FALSE(frame.lock_release.fencing_token);
    EXPECT_FALSE(frame.lock_release.request_id);
    EXPECT_EQ(frame.lock_release.name, "n");
  }
  const std::string as_float = FrameWith(json, "\xcb\x40\x1c\x00\x00\x00\x00\x00\x00"s);
  ASSERT_TRUE(Decode(as_float, frame).ok());
  EXPECT_EQ(frame.lock_release.fencing_token, 7);
  const std::string nameless = support::ToMsgpack(
      support::ParseJson(R"({"type":"LOCK_RELEASE","payload":{}})"), msgpack::Rendering::kCompact);
  EXPECT_EQ(Decode(nameless, frame).error, DecodeError::kMissingField);
}

TEST(WireToleranceTest, ALeaseOfAnotherKindIsNone) {
  const std::string_view json =
      R"({"type":"LOCK_REQUEST","payload":{"requestId":"r","ttl":"HERE","name":"n"}})";
  ClientFrame frame;
  for (const std::string& value : {"\xc0"s, "\xa1\x37"s, "\x80"s, "\xc2"s}) {
    const std::string bytes = FrameWith(json, value);
    ASSERT_TRUE(Decode(bytes, frame).ok());
    EXPECT_FALSE(frame.lock_request.ttl_ms);
    EXPECT_EQ(frame.lock_request.name, "n");
  }
  const std::string bytes = FrameWith(json, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s);
  ASSERT_TRUE(Decode(bytes, frame).ok());
  EXPECT_EQ(frame.lock_request.ttl_ms, 1.5);
}

TEST(WireToleranceTest, NamesOfLocksAndTopicsArePlain) {
  for (const std::string_view name : {"a", "jobs:nightly", "chat/room-1", "A.b_9"}) {
    EXPECT_TRUE(IsPlainName(name)) << name;
  }
  EXPECT_TRUE(IsPlainName(std::string(256, 'x')));
  EXPECT_FALSE(IsPlainName(std::string(257, 'x')));
  for (const std::string_view name : {"", " ", "a b", "a*", "\xc3\xa4", "a\n", "#"}) {
    EXPECT_FALSE(IsPlainName(name)) << name;
  }
  EXPECT_FALSE(IsPlainName("a\0"s));
}

// ---- core.md 1.3: clients drop a whole frame for an extension that they do not know ----

std::string ErrorOfPut(std::string_view value) {
  const std::string bytes = FrameWith(
      R"({"type":"CLIENT_OP","payload":{"mapName":"m","key":"k","record":{"value":"HERE",)"
      R"("timestamp":{"millis":7,"counter":0,"nodeId":"a"}}}})",
      value);
  ClientFrame frame;
  EXPECT_TRUE(Decode(bytes, frame).ok());
  return frame.client_op.op.error;
}

TEST(WireToleranceTest, ValuesThatOtherClientsCannotDecodeAreRefused) {
  const std::string refused = "record.value: must hold no extensions and only string keys";
  EXPECT_EQ(ErrorOfPut("\xd4\x05z"), refused);
  EXPECT_EQ(ErrorOfPut("\x91\xd6\xff\x01\x02\x03\x04"), refused) << "a date";
  EXPECT_EQ(ErrorOfPut("\xc7\x01\x07z"), refused);
  EXPECT_EQ(ErrorOfPut("\x81\x01\x02"), refused);
  EXPECT_EQ(ErrorOfPut("\x81\xa1\x61\x81\x80\x01"), refused) << "a map as a key, further in";
  EXPECT_EQ(ErrorOfPut("\x82\xa1\x61\x81\xa1\x62\x01\x02\x03"), refused) << "behind a map";
}

TEST(WireToleranceTest, WhatTheyCanDecodeIsAccepted) {
  EXPECT_EQ(ErrorOfPut("\x92\xd4\x00\x00\x01"s), "") << "undefined";
  EXPECT_EQ(ErrorOfPut("\x82\xa1\x61\x92\x01\x81\xa1\x62\xc4\x01z\xa1\x63\x80"), "");
  EXPECT_EQ(ErrorOfPut("\xde\x00\x01\xd9\x01k\xdc\x00\x02\x01\x02"s), "");
}

TEST(WireToleranceTest, OfAPushOnlyTheBadRecordsAreLeftOut) {
  const std::string bytes = FrameWith(
      R"({"type":"ORMAP_PUSH_DIFF","payload":{"mapName":"m","entries":[{"key":"k","tombstones":[],)"
      R"("records":[{"value":"HERE","tag":"a","timestamp":{"millis":7,"counter":0,"nodeId":"a"}},)"
      R"({"value":1,"tag":"b","timestamp":{"millis":7,"counter":0,"nodeId":"a"}}]}]}})",
      "\xd4\x05z");
  ClientFrame frame;
  ASSERT_TRUE(Decode(bytes, frame).ok());
  EXPECT_EQ(frame.or_map_push_diff.invalid_records, 1U);
  ASSERT_EQ(frame.or_map_push_diff.entries.records(0).size(), 1U);
  EXPECT_EQ(frame.or_map_push_diff.entries.records(0)[0].tag, "b");
}

// ---- features.md 7: the client of a search waits for an answer ----

TEST(WireToleranceTest, AnInvalidOptionOfASearchIsToldInItsAnswer) {
  const auto error_of = [](std::string_view options, std::string_view value) {
    ClientFrame frame;
    const std::string json =
        R"({"type":"SEARCH","payload":{"requestId":"r","mapName":"m","query":"q","options":)" +
        std::string(options) + "}}";
    EXPECT_TRUE(Decode(FrameWith(json, value), frame).ok());
    return std::string(frame.search.error);
  };
  EXPECT_EQ(error_of(R"({"limit":"HERE"})", "\xff"), "options.limit: must be a whole number");
  EXPECT_EQ(error_of(R"({"limit":"HERE"})", "\xa1z"), "options.limit: must be a whole number");
  EXPECT_EQ(error_of(R"({"minScore":"HERE"})", "\x90"), "options.minScore: must be a number");
  EXPECT_EQ(error_of(R"("HERE")", "\x05"), "options: must be a map");
  for (const std::string_view fine : {R"({"limit":"HERE"})", R"({"minScore":"HERE"})",
                                      R"({"boost":"HERE"})", R"({"other":"HERE"})", R"("HERE")"}) {
    EXPECT_EQ(error_of(fine, "\xc0"), "") << fine;
  }
  EXPECT_EQ(error_of(R"({"boost":"HERE"})", "\x05"), "") << "nobody looks at it";
}

TEST(WireToleranceTest, AWholeFloatIsALimit) {
  ClientFrame frame;
  ASSERT_TRUE(Decode(FrameWith(R"({"type":"SEARCH_SUB","payload":{"subscriptionId":"s",)"
                               R"("mapName":"m","query":"q","options":{"limit":"HERE"}}})",
                               "\xcb\x40\x14\x00\x00\x00\x00\x00\x00"s),
                     frame)
                  .ok());
  EXPECT_EQ(frame.search.limit, 5);
}

// ---- features.md 2: data of topics ----

TEST(WireToleranceTest, DataOfATopicIsWhateverItIs) {
  ClientFrame frame;
  for (const std::string& value : {"\xc0"s, "\xc3"s, "\xa1x"s, "\xcb\x40\x0c"s + "\0\0\0\0\0\0"s,
                                   "\x92\x01\xc0"s, "\xde\x00\x01\xa1k\x90"s, "\xc4\x01z"s}) {
    const std::string pub =
        FrameWith(R"({"type":"TOPIC_PUB","payload":{"topic":"t","data":"HERE"}})", value);
    ASSERT_TRUE(Decode(pub, frame).ok());
    EXPECT_EQ(frame.topic_pub.data, value);
    EXPECT_TRUE(frame.topic_pub.portable);
  }
  for (const std::string& value : {"\xd4\x05z"s, "\x91\xd6\xff\0\0\0\0"s, "\x81\x01\x02"s}) {
    const std::string pub =
        FrameWith(R"({"type":"TOPIC_PUB","payload":{"topic":"t","data":"HERE"}})", value);
    ASSERT_TRUE(Decode(pub, frame).ok());
    EXPECT_FALSE(frame.topic_pub.portable) << "clients drop the frame that it comes in";
  }
}

}  // namespace
}  // namespace topgun::wire
