// PN counters between fakes (features.md 4): who is told what, and what is written.
#include <gtest/gtest.h>

#include "gateway_counter_fixture.h"

namespace topgun::gateway {
namespace {

using crdt::PnCounter;

TEST_F(CountersTest, ARequestIsAnsweredWithTheStateAndFollowsTheCounter) {
  CounterClient client(gateway_);
  client.Request();
  EXPECT_EQ(client.Heard(), "");
  EXPECT_TRUE(gateway_.source.interest.contains("likes"));
  AnswerRead(PnCounter({{"n1", 5}}, {{"n2", 2}}));
  EXPECT_EQ(client.Heard(), "response:n1=5-0,n2=0-2");
  Happen("n1", {6, 1});
  EXPECT_EQ(client.Heard(), "update:n1=6-1,n2=0-2");
  Happen("n1", {6, 1});
  EXPECT_EQ(client.Heard(), "") << "no news";
}

TEST_F(CountersTest, AnUnknownCounterIsEmpty) {
  CounterClient client(gateway_);
  client.Request();
  AnswerRead({});
  EXPECT_EQ(client.Heard(), "response:");
}

TEST_F(CountersTest, AFrameHasBothSpellings) {
  CounterClient client(gateway_);
  client.Request();
  AnswerRead(PnCounter({{"a", 5}}, {{"b", 1}}));
  ASSERT_EQ(client.session.frames.size(), 1U);
  EXPECT_EQ(client.session.frames[0],
            support::ToMsgpack(
                support::ParseJson(
                    R"({"type":"COUNTER_RESPONSE","payload":{"name":"likes","state":)"
                    R"({"p":{"a":5},"n":{"b":1},"positive":{"a":5},"negative":{"b":1}}}})"),
                msgpack::Rendering::kCompact));
}

TEST_F(CountersTest, NothingIsReadBeforeTheClusterReportsItsChanges) {
  gateway_.source.confirmed = 0;
  CounterClient client(gateway_);
  client.Request();
  EXPECT_EQ(Reads(), 0U);
  Happen("n1", {1, 0});
  EXPECT_EQ(client.Heard(), "") << "some of it";
  gateway_.source.confirmed = 1'000;
  gateway_.counters.OnProgress();
  EXPECT_EQ(Reads(), 1U);
  Happen("n1", {3, 0});
  AnswerRead(PnCounter({{"n1", 2}, {"n2", 1}}, {}));
  EXPECT_EQ(client.Heard(), "response:n1=3-0,n2=1-0") << "in whichever order it comes";
}

TEST_F(CountersTest, EverybodyIsToldOnceASyncIsWritten) {
  CounterClient writer(gateway_);
  CounterClient reader(gateway_);
  reader.Request();
  AnswerRead(PnCounter({{"n1", 5}}, {}));
  EXPECT_EQ(reader.Heard(), "response:n1=5-0");
  writer.Sync(R"({"positive":{"n1":4,"w":2},"negative":{"w":1}})");
  EXPECT_EQ(Submitted(), "likes/w=2-1") << "only what the cluster lacks";
  EXPECT_EQ(writer.Heard() + reader.Heard(), "");
  AnswerWrites();
  gateway_.Tick();
  EXPECT_EQ(writer.Heard(), "update:n1=5-0,w=2-1");
  EXPECT_EQ(reader.Heard(), "update:n1=5-0,w=2-1");
  Happen("w", {2, 1});  // the same, as the cluster reports it
  gateway_.Tick();
  EXPECT_EQ(writer.Heard() + reader.Heard(), "");
}

TEST_F(CountersTest, TheReportMayComeBeforeTheOutcome) {
  CounterClient writer(gateway_);
  writer.Sync(R"({"positive":{"w":2},"negative":{}})");
  AnswerRead({});
  EXPECT_EQ(writer.Heard(), "update:") << "the state is known now";
  Happen("w", {2, 0});
  gateway_.Tick();
  EXPECT_EQ(writer.Heard(), "update:w=2-0");
  AnswerWrites();
  gateway_.Tick();
  EXPECT_EQ(writer.Heard(), "");
}

TEST_F(CountersTest, EitherSpellingAndTheLargerOfBoth) {
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"a":1,"b":5},"n":{"a":1},"positive":{"a":2,"b":4},"negative":{"c":3}})");
  AnswerRead({});
  EXPECT_EQ(Submitted(), "likes/a=2-1 likes/b=5-0 likes/c=0-3");
}

TEST_F(CountersTest, ASyncThatBringsNothingIsAnsweredToItsSenderOnly) {
  CounterClient client(gateway_);
  CounterClient other(gateway_);
  client.Request();
  other.Request();
  AnswerRead(PnCounter({{"n1", 5}}, {}));
  AnswerRead(PnCounter({{"n1", 5}}, {}));
  client.Heard();
  other.Heard();
  client.Sync(R"({"p":{"n1":5,"x":0,"y":-1},"n":{}})");
  EXPECT_EQ(Submitted(), "");
  EXPECT_EQ(client.Heard(), "update:n1=5-0");
  client.Sync("{}");
  EXPECT_EQ(client.Heard(), "update:n1=5-0");
  EXPECT_EQ(other.Heard(), "");
}

TEST_F(CountersTest, ASyncSubscribes) {
  CounterClient client(gateway_);
  client.Sync("{}");
  AnswerRead({});
  EXPECT_EQ(client.Heard(), "update:");
  gateway_.Tick();
  Happen("n1", {1, 0});
  EXPECT_EQ(client.Heard(), "update:n1=1-0");
}

TEST_F(CountersTest, ARequestBehindASyncIsAnsweredWithIt) {
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":5},"n":{}})");
  AnswerRead({});
  client.Heard();
  client.Request();
  EXPECT_EQ(Reads(), 0U) << "the write first";
  AnswerWrites();
  AnswerRead(PnCounter({{"n1", 5}}, {}));
  EXPECT_EQ(client.Heard(), "response:n1=5-0");
}

TEST_F(CountersTest, ARequestWaitsForTheConnectionsOwnWrites) {
  CounterClient client(gateway_);
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = "m";
  op.key = "k";
  op.value = "\x01";
  op.has_timestamp = true;
  op.timestamp = {1, 0, "n"};
  std::string frame;
  wire::EncodeClientOp(op, frame);
  client.Send(frame);
  client.Request();
  EXPECT_EQ(Reads(), 0U);
  AnswerWrites();
  AnswerRead({});
  EXPECT_EQ(client.Heard(), "OP_ACK response:");
}

TEST_F(CountersTest, ARequestIsNotAnsweredByAReadThatBeganBefore) {
  CounterClient first(gateway_);
  CounterClient second(gateway_);
  first.Request();
  second.Request();
  EXPECT_EQ(Reads(), 1U);
  AnswerRead(PnCounter({{"n1", 1}}, {}));
  EXPECT_EQ(first.Heard(), "response:n1=1-0");
  EXPECT_EQ(second.Heard(), "");
  AnswerRead(PnCounter({{"n1", 2}}, {}));
  EXPECT_EQ(second.Heard(), "response:n1=2-0");
  gateway_.Tick();
  EXPECT_EQ(first.Heard(), "update:n1=2-0");
}

TEST_F(CountersTest, WhatComesDuringAWriteIsWrittenTogether) {
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  AnswerRead({});
  EXPECT_EQ(Submitted(), "likes/n1=1-0");
  client.Sync(R"({"p":{"n1":2},"n":{}})");
  client.Sync(R"({"p":{"n1":3},"n":{"n2":1}})");
  EXPECT_EQ(Submitted(), "likes/n1=1-0");
  AnswerWrites();
  EXPECT_EQ(Submitted(), "likes/n1=3-0 likes/n2=0-1");
  AnswerWrites();
  EXPECT_EQ(Submitted(), "");
}

TEST_F(CountersTest, ACounterThatChangesOftenIsToldOncePerTick) {
  CounterClient client(gateway_);
  client.Request();
  AnswerRead({});
  client.Heard();
  gateway_.Tick();
  for (int i = 1; i <= 5; ++i) Happen("n", {static_cast<double>(i), 0});
  EXPECT_EQ(client.Heard(), "update:n=1-0") << "at once after a pause";
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "update:n=5-0");
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(CountersTest, AnUpdateThatStillWaitsIsReplaced) {
  OutboundLimits limits;
  limits.coalesce_bytes_min = 0;
  OutboundQueue queue(limits);
  // Keeps what is pushed in a queue that nobody reads.
  class SlowSession final : public Session {
   public:
    explicit SlowSession(OutboundQueue& queue) : queue_(queue) {}
    const UpgradeRequest& request() const override { return upgrade_; }
    void Reply(std::string frame) override { queue_.Reply(std::move(frame)); }
    void Urgent(std::string /*frame*/) override {}
    bool Push(PushFrame push) override { return queue_.Push(push); }
    void Close(CloseCause /*cause*/) override {}
    size_t queued_bytes() const override { return queue_.bytes(); }
    Backlog backlog() const override { return queue_.backlog(); }
    void Trim() override {}
    void SetMessageBytesMax(uint64_t /*bytes*/) override {}
    void PauseReading(bool /*paused*/) override {}

   private:
    UpgradeRequest upgrade_;
    OutboundQueue& queue_;
  };
  SlowSession session(queue);
  SessionHandler& handler = gateway_.table.OnOpen(session);
  for (const char* const name : {"likes", "views"}) {
    std::string frame;
    wire::EncodeCounterRequest({.name = name, .state = {}}, frame);
    handler.OnMessage(frame, true);
    AnswerRead({});
  }
  for (int i = 1; i <= 5; ++i) {
    Happen("n", {static_cast<double>(i), 0}, "likes");
    Happen("n", {static_cast<double>(i), 0}, "views");
    gateway_.Tick();
  }
  OutboundFrame frame;
  std::string types;
  while (queue.Pop(&frame)) {
    const std::string bytes = *frame.head;
    wire::ServerFrame decoded;
    ASSERT_TRUE(wire::DecodeServerFrame(bytes, decoded).ok());
    types.append(" ").append(Name(decoded.type));
    if (decoded.type != wire::FrameType::kCounterUpdate) continue;
    EXPECT_EQ(PnCounter::Decode(decoded.counter.state)->Value(), 5);
  }
  EXPECT_EQ(types, " COUNTER_RESPONSE COUNTER_RESPONSE COUNTER_UPDATE COUNTER_UPDATE");
  handler.OnClosed(CloseCause::kPeer);
}

TEST_F(CountersTest, AMapOfTheSameNameIsNotMeant) {
  CounterClient client(gateway_);
  client.Request();
  AnswerRead({});
  client.Heard();
  state::CellView view;
  view.timestamp = {1, 0, "n"};
  view.value = "\x92\x05\x01";
  const std::string cell = state::EncodeCell(view);
  gateway_.system_maps.OnChange({.map = "likes", .key = "n1", .cell = cell});
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(CountersTest, DisconnectForgets) {
  CounterClient stays(gateway_);
  {
    CounterClient leaves(gateway_);
    leaves.Request();
    leaves.Request("views");
    stays.Request();
    EXPECT_TRUE(Shows("gateway_counters 2"));
    EXPECT_TRUE(Shows("gateway_counter_subscriptions 3"));
    AnswerRead({});
    AnswerRead({});
    AnswerRead({});
  }
  EXPECT_EQ(gateway_.counters.size(), 1U);
  EXPECT_EQ(gateway_.source.interest, std::multiset<std::string>{"likes"});
  EXPECT_TRUE(Shows("gateway_counter_subscriptions 1"));
  stays.Leave();
  EXPECT_EQ(gateway_.counters.size(), 0U);
  EXPECT_TRUE(Shows("gateway_counters 0"));
  EXPECT_TRUE(Shows("gateway_counter_bytes 0"));
}

TEST_F(CountersTest, WhatAClientHasCountedIsWrittenAlthoughItLeaves) {
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  client.Leave();
  AnswerRead({});
  EXPECT_EQ(Submitted(), "likes/n1=1-0");
  EXPECT_EQ(gateway_.counters.size(), 1U);
  AnswerWrites();
  EXPECT_EQ(gateway_.counters.size(), 0U);
}

TEST_F(CountersTest, AnAnswerForACounterThatWasDroppedMeanwhileIsIgnored) {
  CounterClient client(gateway_);
  client.Request();
  client.Leave();
  EXPECT_EQ(gateway_.counters.size(), 1U) << "its read is on its way";
  AnswerRead({});
  EXPECT_EQ(gateway_.counters.size(), 0U);
  CounterClient next(gateway_);
  next.Request();
  AnswerRead(PnCounter({{"n1", 1}}, {}));
  EXPECT_EQ(next.Heard(), "response:n1=1-0");
}

// ---- Failures ----

TEST_F(CountersTest, AReadThatFailsIsTriedAgain) {
  CounterClient client(gateway_);
  client.Request();
  gateway_.counter_reader.Fail();
  EXPECT_EQ(client.Heard(), "error:503");
  EXPECT_EQ(Reads(), 0U);
  gateway_.Tick(CounterOptions().retry);
  AnswerRead({});
  EXPECT_EQ(client.Heard(), "response:");
  EXPECT_TRUE(Shows("gateway_counter_reads_total{result=\"failed\"} 1"));
}

TEST_F(CountersTest, WhoWaitsForLongForAReadToBeginIsTold) {
  gateway_.source.confirmed = 0;
  CounterClient client(gateway_);
  client.Request();
  gateway_.Tick(CounterOptions().wait_limit);
  EXPECT_EQ(client.Heard(), "error:503");
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "") << "not again and again";
  gateway_.source.confirmed = 1'000;
  gateway_.Tick();
  AnswerRead({});
  EXPECT_EQ(client.Heard(), "response:");
}

TEST_F(CountersTest, AWriteThatIsRefusedIsTriedAgain) {
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  AnswerRead({});
  client.Heard();
  AnswerWrites(OpOutcome::kOverloaded);
  EXPECT_EQ(Submitted(), "");
  EXPECT_TRUE(Shows("gateway_counter_write_retries_total 1"));
  gateway_.Tick(CounterOptions().retry);
  EXPECT_EQ(Submitted(), "likes/n1=1-0");
  AnswerWrites();
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "update:n1=1-0");
}

TEST_F(CountersTest, AWriteThatIsRefusedAgainAndAgainIsGivenUp) {
  CounterClient client(gateway_);
  CounterClient other(gateway_);
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  other.Sync("{}");
  AnswerRead({});
  client.Heard();
  other.Heard();
  for (size_t i = 0; i < CounterOptions().write_attempts_max; ++i) {
    EXPECT_EQ(Submitted(), "likes/n1=1-0");
    EXPECT_EQ(client.Heard(), "");
    AnswerWrites(OpOutcome::kOverloaded);
    gateway_.Tick(CounterOptions().retry);
  }
  EXPECT_EQ(Submitted(), "");
  EXPECT_EQ(client.Heard(), "error:429");
  EXPECT_EQ(other.Heard(), "") << "it has lost nothing";
  EXPECT_TRUE(Shows("gateway_counter_writes_given_up_total 1"));
  client.Sync(R"({"p":{"n1":2},"n":{}})");
  AnswerWrites();
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "update:n1=2-0");
}

TEST_F(CountersTest, WhatIsRefusedForGoodIsNotTriedAgain) {
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  AnswerRead({});
  AnswerWrites(OpOutcome::kRejected);
  gateway_.Tick(CounterOptions().retry);
  EXPECT_EQ(Submitted(), "");
}

TEST_F(CountersTest, ASyncIsRefusedWhileTheSinkIsOverloaded) {
  gateway_.sink.overloaded = true;
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  EXPECT_EQ(client.Heard(), "error:429");
  EXPECT_EQ(gateway_.counters.size(), 0U);
  EXPECT_TRUE(Shows("gateway_counter_refused_total{limit=\"overload\"} 1"));
}

// ---- Changes that were missed ----

TEST_F(CountersTest, AfterAGapTheStateIsReadAgain) {
  CounterClient client(gateway_);
  client.Request();
  AnswerRead(PnCounter({{"n1", 1}}, {}));
  client.Heard();
  gateway_.Tick();
  gateway_.system_maps.OnGap(1 - ShardOf("likes"));
  EXPECT_EQ(Reads(), 0U) << "of another shard";
  gateway_.system_maps.OnGap(ShardOf("likes"));
  AnswerRead(PnCounter({{"n1", 4}}, {}));
  EXPECT_EQ(client.Heard(), "update:n1=4-0");
  EXPECT_EQ(Submitted(), "");
}

TEST_F(CountersTest, AGapDuringAReadMakesItWorthless) {
  CounterClient client(gateway_);
  client.Request();
  gateway_.system_maps.OnGap(ShardOf("likes"));
  AnswerRead(PnCounter({{"n1", 1}}, {}));
  EXPECT_EQ(client.Heard(), "");
  AnswerRead(PnCounter({{"n1", 2}}, {}));
  EXPECT_EQ(client.Heard(), "response:n1=2-0");
}

TEST_F(CountersTest, WhatTheClusterHasLostIsWrittenAgain) {
  CounterClient client(gateway_);
  client.Request();
  AnswerRead(PnCounter({{"n1", 3}, {"n2", 1}}, {{"n1", 2}}));
  client.Heard();
  gateway_.system_maps.OnGap(ShardOf("likes"));
  AnswerRead(PnCounter({{"n1", 1}, {"n2", 1}}, {{"n1", 2}}));
  EXPECT_EQ(Submitted(), "likes/n1=3-0");
  EXPECT_TRUE(Shows("gateway_counter_healed_total 1"));
  AnswerWrites();
  EXPECT_EQ(Submitted(), "");
  client.Request();
  AnswerRead(PnCounter({{"n1", 3}, {"n2", 1}}, {{"n1", 2}}));
  EXPECT_NE(client.Heard().find("response:n1=3-2,n2=1-0"), std::string::npos);
}

// ---- Access ----

TEST_F(CountersTest, WhoMayNotReadIsRefused) {
  gateway_.access.Deny(Action::kRead, "likes");
  CounterClient client(gateway_);
  client.Request();
  EXPECT_EQ(client.Heard(), "error:403");
  client.Request("views");
  AnswerRead({});
  EXPECT_EQ(client.Heard(), "response:");
  EXPECT_EQ(gateway_.counters.size(), 1U);
}

TEST_F(CountersTest, WhoMayNotWriteIsRefused) {
  gateway_.access.Deny(Action::kWrite, "likes");
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  EXPECT_EQ(client.Heard(), "error:403");
  EXPECT_EQ(gateway_.counters.size(), 0U);
  client.Request();
  AnswerRead({});
  EXPECT_EQ(client.Heard(), "response:");
}

TEST_F(CountersTest, WhoMayOnlyWriteIsToldNothing) {
  gateway_.access.Deny(Action::kRead, "likes");
  CounterClient client(gateway_);
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  AnswerRead(PnCounter({{"n2", 5}}, {}));
  EXPECT_EQ(Submitted(), "likes/n1=1-0");
  AnswerWrites();
  client.Sync("{}");
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "");
  gateway_.access.Allow(Action::kRead, "likes");
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "update:n1=1-0,n2=5-0");
}

TEST_F(CountersTest, PoliciesThatChangeEndAndResumeTheUpdates) {
  CounterClient client(gateway_);
  client.Request();
  AnswerRead({});
  client.Heard();
  gateway_.access.Deny(Action::kRead, "likes");
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  EXPECT_EQ(client.Heard(), "error:403");
  Happen("n1", {1, 0});
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "");
  gateway_.access.Allow(Action::kRead, "likes");
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "update:n1=1-0");
}

TEST_F(CountersTest, FramesWaitUntilThePoliciesAreKnown) {
  gateway_.access.Become(AccessControl::State::kUnknown);
  CounterClient client(gateway_);
  client.Request();
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  EXPECT_EQ(gateway_.counters.size(), 0U);
  gateway_.access.Become(AccessControl::State::kOpen);
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  AnswerRead({});
  EXPECT_EQ(Submitted(), "likes/n1=1-0");
}

TEST_F(CountersTest, WithoutPoliciesNothingIsDecidedWrongly) {
  gateway_.access.Become(AccessControl::State::kUnknown);
  CounterClient client(gateway_);
  client.Request();
  client.Sync(R"({"p":{"n1":1},"n":{}})");
  gateway_.Tick(2 * AccessGateOptions().wait);
  EXPECT_EQ(client.Heard(), "error:503 error:429");
  EXPECT_EQ(gateway_.counters.size(), 0U);
}

}  // namespace
}  // namespace topgun::gateway
