// One connection between a fake socket and a fake cluster: life cycle, limits, writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "gateway_fakes.h"
#include "wire/batch.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

std::string Auth(std::string_view token) {
  std::string frame;
  wire::EncodeAuth({.token = token, .device_token = {}, .protocol_version = {}}, frame);
  return frame;
}

std::string Ping() {
  std::string frame;
  wire::EncodePing({.timestamp = 42}, frame);
  return frame;
}

std::string DeviceHello() {
  std::string frame;
  wire::EncodeDeviceHello({}, frame);
  return frame;
}

wire::Op Put(std::string_view id, std::string_view map = "todos") {
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = map;
  op.key = id;
  op.value = "\x01";
  op.id = id;
  op.has_id = true;
  op.has_timestamp = true;
  op.timestamp = {1'000, 0, "client"};
  return op;
}

std::string ClientOp(const wire::Op& op) {
  std::string frame;
  wire::EncodeClientOp(op, frame);
  return frame;
}

std::string OpBatch(std::vector<wire::Op> ops, std::optional<wire::WriteConcern> concern = {},
                    std::optional<double> timeout_ms = {}) {
  wire::OpBatchFrame batch;
  batch.write_concern = concern;
  batch.timeout_ms = timeout_ms;
  batch.ops = std::move(ops);
  std::string frame;
  wire::EncodeOpBatch(batch, frame);
  return frame;
}

std::string Batch(const std::vector<std::string>& items) {
  std::string data;
  for (const std::string& item : items) wire::AppendBatchItem(item, data);
  std::string frame;
  wire::EncodeBatch({.data = data}, frame);
  return frame;
}

class DispatchTest : public ::testing::Test {
 protected:
  explicit DispatchTest(bool with_auth = false, DispatchOptions options = {})
      : gateway_(with_auth, options), handler_(&gateway_.table.OnOpen(session_)) {}
  ~DispatchTest() override {
    if (handler_ != nullptr) handler_->OnClosed(CloseCause::kPeer);
  }

  void Send(const std::string& frame, bool binary = true) { handler_->OnMessage(frame, binary); }
  // Sends, and returns the types of what came back.
  std::string Ask(const std::string& frame) {
    session_.frames.clear();
    Send(frame);
    return session_.TakeTypes();
  }
  // The same, once the cluster has stored who the device is.
  std::string AskWho(const std::string& frame) {
    session_.frames.clear();
    Send(frame);
    EXPECT_TRUE(session_.frames.empty());
    return Answer();
  }
  // The last frame, decoded. Borrows from the session.
  wire::ServerFrame Last() {
    wire::ServerFrame frame;
    EXPECT_FALSE(session_.frames.empty());
    if (!session_.frames.empty()) {
      EXPECT_TRUE(wire::DecodeServerFrame(session_.frames.back(), frame).ok());
    }
    return frame;
  }
  // Answers what was submitted, and returns the types of what came back.
  std::string Answer(OpOutcome outcome = OpOutcome::kApplied) {
    session_.frames.clear();
    gateway_.sink.Answer(gateway_.written, outcome);
    return session_.TakeTypes();
  }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler* handler_;
};

class AuthDispatchTest : public DispatchTest {
 protected:
  AuthDispatchTest() : DispatchTest(true) {}
};

TEST_F(AuthDispatchTest, AsksForATokenAtOnceAndAcceptsAGoodOne) {
  EXPECT_EQ(session_.TakeTypes(), "AUTH_REQUIRED");
  Send(Auth("good"));
  gateway_.sink.Answer(gateway_.written);
  EXPECT_EQ(Last().auth_ack.user_id, "user-1");
  EXPECT_EQ(session_.message_bytes_max, gateway_.options.message_bytes_max);
  EXPECT_EQ(Ask(Auth("good")), "");  // the second one of a client that had a token
}

TEST_F(AuthDispatchTest, ABadTokenFailsWithoutTheReasonAndEndsTheConnection) {
  Send(Auth("bad"));
  EXPECT_EQ(Last().auth_fail.error, "Authentication failed");
  EXPECT_EQ(session_.closed, CloseCause::kAuthFailed);
  EXPECT_EQ(Ask(Auth("good")), "");
}

TEST_F(AuthDispatchTest, NothingElseIsHeardBeforeAuthentication) {
  session_.frames.clear();
  for (const std::string& frame :
       {DeviceHello(), Ping(), ClientOp(Put("1")), Batch({Auth("good")}), std::string("\xc1")}) {
    EXPECT_EQ(Ask(frame), "");
  }
  EXPECT_FALSE(session_.closed);
  EXPECT_TRUE(gateway_.sink.submitted.empty());
  EXPECT_EQ(AskWho(Auth("good")), "AUTH_ACK");
}

TEST_F(AuthDispatchTest, TheDeadlineForAuthenticationIsKept) {
  for (int i = 0; i < 98; ++i) gateway_.Tick();
  EXPECT_FALSE(session_.closed);
  for (int i = 0; i < 10; ++i) gateway_.Tick();
  EXPECT_EQ(session_.closed, CloseCause::kAuthTimeout);
}

class ForwardingTest : public DispatchTest {
 protected:
  ForwardingTest() : DispatchTest(true, {.forward_auth_errors = true}) {}
};

TEST_F(ForwardingTest, TheReasonIsForwardedWhenTheOperatorWantsIt) {
  Send(Auth("bad"));
  EXPECT_EQ(Last().auth_fail.error, "bad token");
}

TEST_F(DispatchTest, NoAuthModeSaysNothingFirst) {
  EXPECT_EQ(session_.TakeTypes(), "");
  EXPECT_EQ(AskWho(DeviceHello()), "DEVICE_ACK");
  EXPECT_EQ(Ask(DeviceHello()), "");
  EXPECT_EQ(Ask(Auth("whatever")), "AUTH_ACK");
}

TEST_F(DispatchTest, PingIsEchoed) {
  Send(Ping());
  EXPECT_EQ(Last().pong.timestamp, 42);
  EXPECT_EQ(Last().pong.server_time, 1'700'000'000'000);
}

TEST_F(DispatchTest, APingOfAnIdleClientGivesMemoryBack) {
  Send(Ping());
  EXPECT_EQ(session_.trims, 1);
  Send(ClientOp(Put("1")));
  Send(Ping());
  EXPECT_EQ(session_.trims, 1) << "a write is on its way";
}

TEST_F(DispatchTest, OnlyPingKeepsAConnectionAlive) {
  for (int i = 0; i < 61; ++i) {
    gateway_.Tick(seconds(1));
    Send(DeviceHello());
  }
  for (int i = 0; i < 6; ++i) gateway_.Tick();
  EXPECT_EQ(session_.closed, CloseCause::kIdle);
}

TEST_F(DispatchTest, BadFramesAreDroppedInSilence) {
  const std::string deep(400, '\x91');
  for (const std::string& frame : {std::string(), std::string("\xc1"), deep, Ping() + "x",
                                   Ping().substr(0, 9), std::string("\x80")}) {
    EXPECT_EQ(Ask(frame), "");
  }
  session_.frames.clear();
  Send(Ping(), false);  // a text frame
  EXPECT_EQ(session_.TakeTypes(), "");
  EXPECT_EQ(Ask(Ping()), "PONG");
}

TEST_F(DispatchTest, AnOpIsSubmittedWithItsOriginAndAcknowledged) {
  EXPECT_EQ(Ask(ClientOp(Put("5"))), "");
  ASSERT_EQ(gateway_.sink.submitted.size(), 1U);
  EXPECT_EQ(gateway_.sink.submitted[0].map, "todos");
  EXPECT_EQ(gateway_.sink.submitted[0].origin.size(), 16U);
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(Last().op_ack.last_id, "5");
  EXPECT_EQ(Last().op_ack.achieved_level, wire::WriteConcern::kApplied);
}

TEST_F(DispatchTest, AFollowedFrameIsRecordedOnceItIsAcknowledged) {
  const auto records = [this] {  // the first kind is that of frames
    const std::string json = gateway_.recorder.Render(0);
    const size_t begin = json.find("\"records\":[") + 10;
    return json.substr(begin, json.find("]}", begin) + 1 - begin);
  };
  gateway_.recorder.set_every(1);
  Ask(ClientOp(Put("5")));
  EXPECT_EQ(records(), "[]");
  Ask(ClientOp(Put("6")));  // one at a time is followed per connection
  gateway_.sink.Answer(gateway_.table);
  EXPECT_NE(records().find(",[1],[1000]]]"), std::string::npos) << records();
  Ask(ClientOp(Put("7")));
  gateway_.sink.Answer(gateway_.table);
  EXPECT_NE(records().find(",[1],[1002]]]"), std::string::npos) << records();
}

TEST_F(DispatchTest, APutWithoutRecordIsAcknowledgedAtOnce) {
  wire::Op op = Put("5");
  op.kind = wire::OpKind::kNothing;
  EXPECT_EQ(Ask(ClientOp(op)), "OP_ACK");
}

TEST_F(DispatchTest, RefusedOpsAreNamedBeforeAnythingIsAcknowledged) {
  session_.frames.clear();
  Send(OpBatch({Put("1"), Put("2", ""), Put("3", "_topgun_x"), Put("4")}));
  ASSERT_EQ(session_.frames.size(), 3U);
  wire::ServerFrame error;
  ASSERT_TRUE(wire::DecodeServerFrame(session_.frames[0], error).ok());
  EXPECT_EQ(error.error.code, 400);
  EXPECT_NE(error.error.message.find("ops[1].mapName: must not be empty"), std::string::npos);
  EXPECT_NE(error.error.message.find("ops[2].mapName"), std::string::npos);
  EXPECT_EQ(session_.TakeTypes(), "ERROR OP_REJECTED OP_REJECTED");

  EXPECT_EQ(gateway_.sink.submitted.size(), 2U);
  gateway_.sink.Answer(gateway_.table);
  const wire::OpAckFrame ack = Last().op_ack;
  EXPECT_EQ(ack.last_id, "1");
  ASSERT_EQ(ack.results.size(), 3U);
  EXPECT_FALSE(ack.results[0].success);
  EXPECT_TRUE(ack.results[2].success);
  EXPECT_EQ(ack.results[2].op_id, "4");
}

TEST_F(DispatchTest, LimitsOfMapKeyAndTag) {
  wire::Op long_key = Put("1");
  const std::string key(64 * 1024 + 1, 'k');
  long_key.key = key;
  EXPECT_EQ(Ask(ClientOp(long_key)), "ERROR OP_REJECTED OP_ACK");
  wire::Op long_tag = Put("2");
  long_tag.kind = wire::OpKind::kOrAdd;
  long_tag.tag = key;
  EXPECT_EQ(Ask(ClientOp(long_tag)), "ERROR OP_REJECTED OP_ACK");
  const std::string map(1'025, 'm');
  EXPECT_EQ(Ask(ClientOp(Put("3", map))), "ERROR OP_REJECTED OP_ACK");
  EXPECT_EQ(Ask(ClientOp(Put("4", "with:colon"))), "");
}

TEST_F(DispatchTest, AnEmptyBatchIsAcknowledgedAsUnknown) {
  session_.frames.clear();
  Send(OpBatch({}));
  EXPECT_EQ(Last().op_ack.last_id, "unknown");
  EXPECT_FALSE(Last().op_ack.achieved_level);
}

TEST_F(DispatchTest, EveryItemOfABatchIsAnsweredForItself) {
  EXPECT_EQ(Ask(Batch({Ping(), "\xc1", ClientOp(Put("1")), OpBatch({Put("2"), Put("3")})})),
            "PONG");
  EXPECT_EQ(Answer(), "OP_ACK OP_ACK");
}

TEST_F(DispatchTest, AnOversizedBatchIsRefusedWhole) {
  const std::vector<std::string> items(wire::kBatchItemsMax + 1, Ping());
  session_.frames.clear();
  Send(Batch(items));
  ASSERT_EQ(session_.frames.size(), 1U);
  EXPECT_EQ(Last().error.code, 413);
  EXPECT_EQ(Last().error.message, "batch exceeds maximum inner item count");
}

TEST_F(DispatchTest, ABatchCostsWhatItHoldsAndNotWhatItDeclares) {
  std::string frame;
  wire::EncodeBatch({.data = std::string(40'001 * 4, '\0')}, frame);
  session_.frames.clear();
  Send(frame);
  Send(frame);
  EXPECT_EQ(Last().error.code, 429);
  EXPECT_EQ(Last().error.message, "rate limit exceeded, slow down");
}

TEST_F(DispatchTest, ConfirmationsOfAppliedDataAreAcceptedSilently) {
  std::string frame;
  wire::EncodeClientApplyAck({}, frame);
  EXPECT_EQ(Ask(frame), "");
}

TEST_F(DispatchTest, AnOverloadedGatewayRefusesAndRevivesLater) {
  gateway_.sink.overloaded = true;
  gateway_.sink.health = SinkHealth::kOverloaded;
  session_.frames.clear();
  Send(OpBatch({Put("1")}));
  EXPECT_EQ(Last().error.code, 429);
  EXPECT_EQ(Last().error.message, "server overloaded, try again later");
  session_.frames.clear();
  gateway_.Tick();
  EXPECT_EQ(session_.TakeTypes(), "");

  gateway_.sink.overloaded = false;
  gateway_.sink.health = SinkHealth::kHealthy;
  gateway_.Tick();
  EXPECT_EQ(session_.TakeTypes(), "AUTH_ACK");
  gateway_.Tick();
  EXPECT_EQ(session_.TakeTypes(), "");  // once
  Send(OpBatch({Put("1"), Put("2")}));
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(Last().op_ack.last_id, "2");
}

TEST_F(DispatchTest, OpsTheClusterGaveUpAreRefusedAndRevived) {
  Send(OpBatch({Put("1"), Put("2")}));
  EXPECT_EQ(Answer(OpOutcome::kOverloaded), "ERROR");
  gateway_.Tick();
  EXPECT_EQ(session_.TakeTypes(), "AUTH_ACK");
}

class SlowRateTest : public DispatchTest {
 protected:
  SlowRateTest() : DispatchTest(false, {.ops_per_second = 0.1, .ops_burst = 2}) {}
};

TEST_F(SlowRateTest, ARateLimitedWriterIsRevivedWhenItsBucketIsFull) {
  EXPECT_EQ(Ask(OpBatch({Put("1"), Put("2")})), "");
  EXPECT_EQ(Ask(OpBatch({Put("3")})), "ERROR");
  gateway_.Tick();
  EXPECT_EQ(session_.TakeTypes(), "");
  gateway_.Tick(seconds(25));
  EXPECT_EQ(session_.TakeTypes(), "AUTH_ACK");
}

TEST_F(SlowRateTest, ARateLimitedReaderIsRevived) {
  std::string frame;
  wire::EncodeSyncInit({.map = "m", .last_sync_timestamp = 0}, frame);
  EXPECT_EQ(Ask(OpBatch({Put("1"), Put("2")})), "");
  EXPECT_EQ(Ask(frame), "ERROR");
  gateway_.Tick(seconds(25));
  EXPECT_EQ(session_.TakeTypes(), "AUTH_ACK");
}

TEST_F(SlowRateTest, ARateLimitedPingIsNoReasonToReviveAClient) {
  EXPECT_EQ(Ask(OpBatch({Put("1"), Put("2")})), "");
  EXPECT_EQ(Ask(Ping()), "ERROR");
  gateway_.Tick(seconds(25));
  EXPECT_EQ(session_.TakeTypes(), "");
}

class ShallowTest : public DispatchTest {
 protected:
  ShallowTest() : DispatchTest(false, {.frames_in_flight_max = 4}) {}
};

TEST_F(ShallowTest, ManyUnansweredFramesPauseTheSocket) {
  for (int i = 0; i < 5; ++i) Send(ClientOp(Put(std::to_string(i))));
  EXPECT_TRUE(session_.paused);
  Answer();
  EXPECT_FALSE(session_.paused);
}

TEST_F(DispatchTest, AnOpsOwnConcernOverridesThatOfItsBatch) {
  wire::Op own = Put("2");
  own.write_concern = wire::WriteConcern::kMemory;
  Send(OpBatch({Put("1"), own}, wire::WriteConcern::kPersisted));
  Send(OpBatch({Put("3")}));
  ASSERT_EQ(gateway_.sink.submitted.size(), 3U);
  EXPECT_EQ(gateway_.sink.submitted[0].concern, wire::WriteConcern::kPersisted);
  EXPECT_EQ(gateway_.sink.submitted[1].concern, wire::WriteConcern::kMemory);
  EXPECT_EQ(gateway_.sink.submitted[2].concern, wire::WriteConcern::kApplied);
}

TEST_F(DispatchTest, APersistedFrameIsAcknowledgedWithItsLevel) {
  Send(OpBatch({Put("1")}, wire::WriteConcern::kPersisted));
  const OpRef op = gateway_.sink.submitted[0].ref;
  EXPECT_EQ(Answer(), "");
  gateway_.written.OnConcernMet(op, wire::WriteConcern::kPersisted);
  EXPECT_EQ(Last().op_ack.last_id, "1");
  EXPECT_EQ(Last().op_ack.achieved_level, wire::WriteConcern::kPersisted);
  EXPECT_THAT(gateway_.registry.Render(), HasSubstr("gateway_ack_seconds_count{level=\"PERSISTED\","
                                                    "loop=\"0\"} 1"));
}

TEST_F(DispatchTest, ATimeoutIsAnsweredAtTheNextTick) {
  Send(OpBatch({Put("1")}, wire::WriteConcern::kPersisted, 150));
  EXPECT_EQ(Answer(), "");
  gateway_.Tick();
  EXPECT_TRUE(session_.frames.empty());
  gateway_.Tick();
  const wire::ServerFrame ack = Last();
  ASSERT_EQ(ack.op_ack.results.size(), 1U);
  EXPECT_EQ(ack.op_ack.results[0].op_id, "1");
  EXPECT_FALSE(ack.op_ack.results[0].success);
  EXPECT_EQ(ack.op_ack.results[0].achieved_level, wire::WriteConcern::kApplied);
  EXPECT_EQ(ack.op_ack.results[0].error, "timeout");
}

TEST_F(DispatchTest, WhatIsNotAppliedInTimeIsAnError) {
  wire::Op patient = Put("2");
  patient.timeout_ms = 60'000;
  Send(OpBatch({Put("1"), patient}, {}, 50));
  session_.frames.clear();
  gateway_.Tick();
  EXPECT_EQ(Last().error.code, 504);
  EXPECT_EQ(Last().error.message, "timeout: not applied yet, still trying: 1");
  EXPECT_EQ(session_.TakeTypes(), "ERROR");
  EXPECT_EQ(Answer(), "OP_ACK OP_ACK");
  gateway_.Tick();
  const std::string metrics = gateway_.registry.Render();
  EXPECT_THAT(metrics, HasSubstr("gateway_op_timeouts_total{state=\"unapplied\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("gateway_acked_ops_total{level=\"APPLIED\"} 2"));
  EXPECT_THAT(metrics, HasSubstr("gateway_waiting_ops{level=\"APPLIED\"} 0"));
}

// `timeout` is any number (core.md 5.1).
TEST_F(DispatchTest, NoTimeoutIsRefused) {
  for (const double timeout_ms : {-1.0, 0.0, 0.5, 300'001.0, 1e300, static_cast<double>(NAN)}) {
    EXPECT_EQ(Ask(OpBatch({Put("1")}, {}, timeout_ms)), "") << timeout_ms;
    wire::Op op = Put("1");
    op.timeout_ms = timeout_ms;
    EXPECT_EQ(Ask(ClientOp(op)), "") << timeout_ms;
  }
}

TEST(WriteTermsTest, TimeoutsAreMovedIntoTheirBounds) {
  const WriteTerms::Time now{};
  for (const double none : {-1.0, 0.0, -1e300, static_cast<double>(NAN)}) {
    EXPECT_EQ(DeadlineOf(none, now), WriteTerms::kNoDeadline) << none;
  }
  EXPECT_EQ(DeadlineOf(0.001, now), now + kOpTimeoutMin);
  EXPECT_EQ(DeadlineOf(100, now), now + std::chrono::milliseconds(100));
  for (const double long_ms : {300'001.0, 1e300, static_cast<double>(INFINITY)}) {
    EXPECT_EQ(DeadlineOf(long_ms, now), now + kOpTimeoutMax) << long_ms;
  }
}

TEST_F(DispatchTest, TimeoutsEndWithTheirConnection) {
  Send(OpBatch({Put("1")}, {}, 50));
  std::exchange(handler_, nullptr)->OnClosed(CloseCause::kPeer);
  session_.frames.clear();
  gateway_.Tick();
  EXPECT_TRUE(session_.frames.empty());
}

TEST_F(DispatchTest, ResultsForAConnectionThatHasGoneAreIgnored) {
  Send(ClientOp(Put("1")));
  handler_->OnClosed(CloseCause::kPeer);
  FakeSession next;
  handler_ = &gateway_.table.OnOpen(next);  // takes the same slot
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(next.TakeTypes(), "");
}

TEST_F(DispatchTest, ChangedLimitsHoldForConnectionsThatAreHere) {
  gateway_.options.ops_per_second = 0.1;
  gateway_.options.ops_burst = 2;
  gateway_.options.message_bytes_max = 12'345;
  gateway_.table.OnOptionsChanged();
  EXPECT_EQ(session_.message_bytes_max, 12'345U);
  EXPECT_EQ(Ask(OpBatch({Put("1"), Put("2")})), "");
  EXPECT_EQ(Ask(OpBatch({Put("3")})), "ERROR");
}

TEST_F(DispatchTest, AShorterTimeoutHoldsForConnectionsThatAreHere) {
  gateway_.Tick(seconds(1));  // looked at, with a deadline that is far away
  gateway_.options.idle_timeout = seconds(5);
  gateway_.table.OnOptionsChanged();
  for (int i = 0; i < 100 && !session_.closed; ++i) gateway_.Tick();
  EXPECT_EQ(session_.closed, CloseCause::kIdle);
}

TEST_F(DispatchTest, AWalkOverTheConnectionsIsBoundedAndGoesOn) {
  FakeSession more[3];
  std::vector<SessionHandler*> handlers;
  for (FakeSession& session : more) handlers.push_back(&gateway_.table.OnOpen(session));
  std::vector<uint32_t> slots;
  const auto two = [&](Connection& connection) {
    slots.push_back(connection.id().slot);
    return slots.size() < 2;
  };
  const auto all = [&](Connection& connection) {
    slots.push_back(connection.id().slot);
    return true;
  };
  EXPECT_EQ(gateway_.table.Walk(0, 100, two), 2U) << "the visitor has had enough";
  EXPECT_EQ(gateway_.table.Walk(2, 1, all), 3U) << "one slot was looked at";
  EXPECT_EQ(gateway_.table.Walk(3, 100, all), std::nullopt);
  EXPECT_EQ(slots, (std::vector<uint32_t>{0, 1, 2, 3}));
  for (SessionHandler* const handler : handlers) handler->OnClosed(CloseCause::kPeer);
}

TEST_F(DispatchTest, AConnectionIsClosedByItsId) {
  EXPECT_FALSE(gateway_.table.Close({.slot = 7, .generation = 1}, CloseCause::kOperator));
  EXPECT_FALSE(gateway_.table.Close({.slot = 0, .generation = 9}, CloseCause::kOperator));
  EXPECT_FALSE(session_.closed);
  EXPECT_TRUE(gateway_.table.Close({.slot = 0, .generation = 1}, CloseCause::kOperator));
  EXPECT_EQ(session_.closed, CloseCause::kOperator);
}

TEST_F(DispatchTest, ADrainWaitsForAcksAndThenCloses) {
  Send(ClientOp(Put("1")));
  gateway_.table.BeginDrain({.window = seconds(0), .patience = seconds(3)}, gateway_.now);
  gateway_.Tick();
  EXPECT_TRUE(session_.paused);
  EXPECT_FALSE(session_.closed);
  EXPECT_EQ(Answer(), "OP_ACK");
  gateway_.Tick();
  EXPECT_EQ(session_.closed, CloseCause::kShutdown);
}

TEST_F(DispatchTest, ADrainHasADeadline) {
  Send(ClientOp(Put("1")));
  gateway_.table.BeginDrain({.window = seconds(0), .patience = seconds(3)}, gateway_.now);
  gateway_.Tick();
  EXPECT_FALSE(session_.closed);
  gateway_.Tick(seconds(3));
  EXPECT_EQ(session_.closed, CloseCause::kShutdown);
}

}  // namespace
}  // namespace topgun::gateway
