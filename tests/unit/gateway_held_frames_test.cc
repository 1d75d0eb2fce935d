// Frames that wait until the policies are known, and those that do not (core.md 2.7, 10).
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "gateway_fakes.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;

std::string HeldPing() {
  std::string frame;
  wire::EncodePing({.timestamp = 42}, frame);
  return frame;
}

std::string HeldSub(std::string_view query_id, std::string_view map = "m") {
  wire::QuerySubFrame sub;
  sub.query_id = query_id;
  sub.map = map;
  std::string frame;
  wire::EncodeQuerySub(sub, frame);
  return frame;
}

std::string HeldUnsub(std::string_view query_id) {
  std::string frame;
  wire::EncodeQueryUnsub({.query_id = query_id}, frame);
  return frame;
}

std::string HeldPut(std::string_view id) {
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = "m";
  op.key = id;
  op.value = "\x01";
  op.id = id;
  op.has_id = true;
  op.has_timestamp = true;
  op.timestamp = {1'000, 0, "client"};
  std::string frame;
  wire::EncodeClientOp(op, frame);
  return frame;
}

class HeldFramesTest : public ::testing::Test {
 protected:
  explicit HeldFramesTest(AccessGateOptions options = {})
      : gateway_(false, {}, {}, DispatchHarness::SingleNode(), options),
        handler_(gateway_.table.OnOpen(session_)) {
    gateway_.access.Become(AccessControl::State::kUnknown);
  }
  ~HeldFramesTest() override { handler_.OnClosed(CloseCause::kPeer); }

  // The types of what came back.
  std::string Ask(const std::string& frame) {
    handler_.OnMessage(frame, true);
    return session_.TakeTypes();
  }
  void PoliciesAreRead() {
    gateway_.access.Become(AccessControl::State::kOpen);
    gateway_.gate.OnPoliciesChanged();
    gateway_.turns.Run();
  }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler& handler_;
};

TEST_F(HeldFramesTest, APingIsAnsweredBehindHeldFrames) {
  EXPECT_EQ(Ask(HeldPut("1")), "");
  EXPECT_EQ(Ask(HeldSub("q")), "");
  EXPECT_FALSE(session_.paused);
  EXPECT_EQ(Ask(HeldPing()), "PONG");
  EXPECT_EQ(gateway_.gate.held(), 2U);
}

TEST_F(HeldFramesTest, WhatNeedsNoDecisionDoesNotWait) {
  Ask(HeldPut("1"));
  std::string map_request;
  wire::EncodePartitionMapRequest({}, map_request);
  EXPECT_EQ(Ask(map_request), "PARTITION_MAP");
  std::string hello;
  wire::EncodeDeviceHello({}, hello);
  Ask(hello);
  gateway_.sink.Answer(gateway_.written);  // who the device is
  EXPECT_EQ(session_.TakeTypes(), "DEVICE_ACK");
  std::string apply_ack;
  wire::EncodeClientApplyAck({.cursor = 1}, apply_ack);
  EXPECT_EQ(Ask(apply_ack), "");
  EXPECT_EQ(gateway_.gate.held(), 1U);
}

TEST_F(HeldFramesTest, FramesOfAConnectionKeepTheirOrder) {
  Ask(HeldPut("1"));
  Ask(HeldPut("2"));
  Ask(HeldSub("q"));
  PoliciesAreRead();
  ASSERT_EQ(gateway_.sink.submitted.size(), 2U);
  EXPECT_EQ(gateway_.sink.submitted[0].id, "1");
  EXPECT_EQ(gateway_.sink.submitted[1].id, "2");
  EXPECT_TRUE(gateway_.reader.reads.empty()) << "the query waits for the writes before it";
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
}

TEST_F(HeldFramesTest, TheEndOfAQueryDoesNotOvertakeIt) {
  Ask(HeldSub("q"));
  Ask(HeldUnsub("q"));
  EXPECT_EQ(gateway_.gate.held(), 2U);
  PoliciesAreRead();
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(session_.TakeTypes(), "") << "nobody asks any more";
}

TEST_F(HeldFramesTest, WithNothingHeldAQueryEndsAtOnce) {
  Ask(HeldUnsub("q"));
  EXPECT_EQ(gateway_.gate.held(), 0U);
}

TEST_F(HeldFramesTest, ALaterFrameWaitsBehindThoseThatAreStillHeld) {
  for (size_t i = 0; i < 200; ++i) Ask(HeldPut(std::to_string(i)));
  gateway_.access.Become(AccessControl::State::kOpen);  // known, but not released yet
  Ask(HeldPut("last"));
  EXPECT_EQ(gateway_.gate.held(), 201U);
  PoliciesAreRead();
  ASSERT_EQ(gateway_.sink.submitted.size(), 201U);
  EXPECT_EQ(gateway_.sink.submitted.back().id, "last");
}

TEST_F(HeldFramesTest, AllOfAConnectionWaitForALimitedTimeOnly) {
  Ask(HeldPut("1"));
  Ask(HeldSub("q"));
  gateway_.Tick(milliseconds(4'900));
  EXPECT_EQ(gateway_.gate.held(), 2U);
  gateway_.Tick(milliseconds(200));
  EXPECT_EQ(session_.TakeTypes(), "ERROR ERROR");
  EXPECT_EQ(gateway_.gate.held(), 0U);
}

class FewHeldFramesTest : public HeldFramesTest {
 protected:
  FewHeldFramesTest() : HeldFramesTest({.frames_per_connection_max = 3}) {}
};

TEST_F(FewHeldFramesTest, AConnectionThatHoldsTooManyIsNotRead) {
  Ask(HeldPut("1"));
  Ask(HeldPut("2"));
  EXPECT_FALSE(session_.paused);
  Ask(HeldPut("3"));
  EXPECT_TRUE(session_.paused);
  PoliciesAreRead();
  EXPECT_FALSE(session_.paused);
  EXPECT_EQ(gateway_.sink.submitted.size(), 3U);
}

class SmallHeldBytesTest : public HeldFramesTest {
 protected:
  SmallHeldBytesTest() : HeldFramesTest({.held_bytes_max = 800}) {}
};

TEST_F(SmallHeldBytesTest, BeyondTheBytesAConnectionsFramesAreHandledInOrder) {
  EXPECT_EQ(Ask(HeldPut("1")), "");
  EXPECT_EQ(Ask(HeldSub("q")), "");
  ASSERT_EQ(gateway_.gate.held(), 2U);
  EXPECT_EQ(Ask(HeldSub("p", std::string(500, 'x'))), "ERROR ERROR ERROR");
  EXPECT_EQ(gateway_.gate.held(), 0U);
  // The turns of those that are gone do no harm to the next one.
  EXPECT_EQ(Ask(HeldPut("2")), "");
  PoliciesAreRead();
  ASSERT_EQ(gateway_.sink.submitted.size(), 1U);
  EXPECT_EQ(gateway_.sink.submitted[0].id, "2");
}

}  // namespace
}  // namespace topgun::gateway
