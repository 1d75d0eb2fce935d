// The event journal between fakes: who is told what, and reads (features.md 6).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dispatch/journal/hold_back.h"
#include "gateway_journal_fixture.h"

namespace topgun::gateway {
namespace {

using std::chrono::seconds;
using Type = wire::JournalType;

constexpr auto kPut = static_cast<uint8_t>(Type::kPut);
constexpr auto kUpdate = static_cast<uint8_t>(Type::kUpdate);
constexpr auto kDelete = static_cast<uint8_t>(Type::kDelete);

// ---- Subscriptions ----

TEST_F(GatewayJournalTest, EverybodyHearsOfAWriteTheWriterToo) {
  JournalClient writer(gateway_);
  JournalClient other(gateway_);
  JournalClient silent(gateway_);
  writer.SubscribeTo({});
  other.SubscribeTo("m");
  writer.Write("a");
  Happen({.key = "a", .origin = writer.origin});
  Settle();
  EXPECT_EQ(writer.Heard(), "m:a");
  EXPECT_EQ(other.Heard(), "m:a");
  EXPECT_EQ(silent.Heard(), "");
  EXPECT_EQ(Metric(R"(gateway_journal_events_total{way="pushed"})"), 2);
}

TEST_F(GatewayJournalTest, AnEventSaysWhereItStands) {
  JournalClient client(gateway_);
  client.SubscribeTo("m");
  Happen({.key = "a", .shard = 3, .n = 12, .ms = 5, .index = 7});
  Settle();
  ASSERT_EQ(client.session.frames.size(), 1U);
  wire::ServerFrame frame;
  ASSERT_TRUE(wire::DecodeServerFrame(client.session.frames[0], frame).ok());
  EXPECT_EQ(frame.journal_event.sequence, "1700000000005003000000000000001200007");
  EXPECT_EQ(frame.journal_event.timestamp, (crdt::TimestampView{kJournalNow, 0, "n"}));
}

TEST_F(GatewayJournalTest, FiltersByMapAndType) {
  JournalClient removals(gateway_);
  JournalClient puts(gateway_);
  JournalClient updates(gateway_);
  removals.SubscribeTo("m", "s", kDelete);
  puts.SubscribeTo({}, "s", kPut | kUpdate);
  updates.SubscribeTo({}, "s", kUpdate);
  Happen({.key = "a", .n = 10, .ms = 1});
  Happen({.key = "a", .n = 11, .ms = 2, .tombstone = true});
  Happen({.key = "b", .map = "other", .n = 12, .ms = 3});
  Happen({.key = "b", .map = "other", .n = 13, .ms = 4, .tombstone = true});
  Settle();
  EXPECT_EQ(removals.Heard(), "-m:a");
  EXPECT_EQ(puts.Heard(), "m:a other:b");
  EXPECT_EQ(updates.Heard(), "");
}

TEST_F(GatewayJournalTest, AnEventIsToldOncePerConnection) {
  JournalClient client(gateway_);
  client.SubscribeTo({}, "all");
  client.SubscribeTo("m", "one");
  client.SubscribeTo("m", "another", kPut);
  Happen({.key = "a"});
  Settle();
  EXPECT_EQ(client.Heard(), "m:a");
}

TEST_F(GatewayJournalTest, ASlowClientLosesEventsAndNotItsConnection) {
  JournalClient client(gateway_);
  client.SubscribeTo("m");
  client.session.slow = true;
  Happen({.key = "a", .n = 10});
  Settle();
  client.session.slow = false;
  Happen({.key = "b", .n = 11});
  Settle();
  EXPECT_EQ(client.Heard(), "m:b");
  EXPECT_FALSE(client.session.closed);
  EXPECT_EQ(Metric("gateway_journal_lost_total"), 1);
  EXPECT_EQ(Metric(R"(gateway_journal_events_total{way="pushed"})"), 1);
}

TEST_F(GatewayJournalTest, WhatClientsDidNotWriteIsNotTold) {
  JournalClient client(gateway_);
  client.SubscribeTo({});
  Happen({.key = "a", .map = "_topgun_restamps"});
  Happen({.key = "b", .map = "c", .kind = state::CellKind::kCounter});
  Happen({.key = "t", .map = "tags", .kind = state::CellKind::kOr});
  Settle();
  EXPECT_EQ(client.Heard(), "tags:t");
}

TEST_F(GatewayJournalTest, WhatWasHeldBeforeASubscriptionIsNotToldToIt) {
  JournalClient early(gateway_);
  JournalClient late(gateway_);
  early.SubscribeTo("m");
  Happen({.key = "a", .n = 10});
  late.SubscribeTo("m");
  Happen({.key = "b", .n = 11});
  Settle();
  EXPECT_EQ(early.Heard(), "m:a m:b");
  EXPECT_EQ(late.Heard(), "m:b");
}

TEST_F(GatewayJournalTest, AsksTheClusterOnlyForWhatIsWanted) {
  JournalClient client(gateway_);
  EXPECT_FALSE(gateway_.source.all_maps);
  client.SubscribeTo({}, "all");
  EXPECT_TRUE(gateway_.source.all_maps);
  client.SubscribeTo("m", "1");
  client.SubscribeTo("m", "2");
  EXPECT_EQ(gateway_.source.interest.count("m"), 1U);
  client.Unsubscribe("1");
  client.Unsubscribe("unknown");
  EXPECT_EQ(gateway_.source.interest.count("m"), 1U);
  client.Unsubscribe("2");
  EXPECT_EQ(gateway_.source.interest.count("m"), 0U);
  Happen({.key = "a"});
  Settle();
  EXPECT_EQ(client.Heard(), "m:a");
  client.Unsubscribe("all");
  EXPECT_FALSE(gateway_.source.all_maps);
  Happen({.key = "b", .n = 11});
  Settle();
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(GatewayJournalTest, SubscriptionsBelongToTheirConnection) {
  JournalClient client(gateway_);
  JournalClient other(gateway_);
  client.SubscribeTo("m", "s");
  other.SubscribeTo("n", "s");
  other.SubscribeTo("m", "s");
  EXPECT_EQ(gateway_.source.interest.count("n"), 0U) << "it was replaced";
  other.Unsubscribe("s");
  Happen({.key = "a"});
  Settle();
  EXPECT_EQ(client.Heard(), "m:a");
  EXPECT_EQ(other.Heard(), "");
  EXPECT_EQ(Metric("gateway_journal_subscriptions"), 1);
  client.Close();
  EXPECT_EQ(gateway_.source.interest.count("m"), 0U);
  EXPECT_EQ(Metric("gateway_journal_subscriptions"), 0);
  Happen({.key = "b", .n = 11});
  Settle();
}

TEST_F(GatewayJournalTest, SubscriptionsAreLimited) {
  JournalClient client(gateway_);
  for (int i = 0; i < 100; ++i) client.SubscribeTo("m", "s" + std::to_string(i));
  EXPECT_EQ(client.Heard(), "");
  client.SubscribeTo("m", "s7");
  EXPECT_EQ(client.Heard(), "") << "replaces";
  client.SubscribeTo("m", "one more");
  EXPECT_EQ(client.Heard(), "error:429");
  EXPECT_EQ(Metric("gateway_journal_refused_total"), 1);
}

TEST_F(GatewayJournalTest, NamesMustBeValid) {
  JournalClient client(gateway_);
  client.SubscribeTo("_topgun_policies");
  client.SubscribeTo({}, std::string(2'000, 'x'));
  EXPECT_EQ(client.Heard(), "error:400 error:400");
  EXPECT_EQ(Metric("gateway_journal_subscriptions"), 0);
}

// ---- Order ----

TEST_F(GatewayJournalTest, ShardsAreBroughtIntoOrder) {
  JournalClient client(gateway_);
  client.SubscribeTo({});
  Happen({.key = "d", .shard = 1, .ms = 40});
  Happen({.key = "a", .shard = 0, .ms = 10});
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "") << "held back";
  Happen({.key = "c", .shard = 2, .ms = 30});
  Happen({.key = "f", .shard = 2, .n = 11, .ms = 60});
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "m:a m:c m:d") << "c has come in time";
  Happen({.key = "b", .shard = 3, .ms = 20});
  Settle();
  EXPECT_EQ(client.Heard(), "m:b m:f") << "late rather than lost";
  EXPECT_EQ(Metric("gateway_journal_late_total"), 1);
  EXPECT_EQ(Metric("gateway_journal_held_bytes"), 0);
}

TEST(HoldBackTest, TooManyLeaveEarly) {
  HoldBack hold_back(1'000);
  const auto add = [&hold_back](uint64_t ms) {
    JournalEvent event;
    event.sequence.commit_ms = ms;
    event.frame = std::make_shared<const std::string>(400, 'x');
    hold_back.Add(std::make_shared<const JournalEvent>(event));
  };
  for (const uint64_t ms : {3, 1, 2, 2}) add(ms);
  EXPECT_TRUE(hold_back.overfull());
  const auto taken = hold_back.TakeDue();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0]->sequence.commit_ms, 1U);
  EXPECT_EQ(hold_back.bytes(), 800U);
  EXPECT_EQ(hold_back.TakeDue().size(), 2U);
  EXPECT_TRUE(hold_back.empty());
}

// ---- Access ----

TEST_F(GatewayJournalTest, OnlyWhatMayBeReadIsTold) {
  gateway_.access.Deny(Action::kRead, "secret");
  JournalClient client(gateway_);
  client.SubscribeTo({}, "all");
  client.SubscribeTo("secret", "one");
  EXPECT_EQ(client.Heard(), "error:403");
  Happen({.key = "a", .map = "secret", .n = 10});
  Happen({.key = "b", .n = 11});
  Settle();
  EXPECT_EQ(client.Heard(), "m:b");
  gateway_.access.Allow(Action::kRead, "secret");
  Happen({.key = "c", .map = "secret", .n = 12});
  Settle();
  EXPECT_EQ(client.Heard(), "secret:c");
}

TEST_F(GatewayJournalTest, PoliciesThatChangeConcernSubscriptions) {
  JournalClient client(gateway_);
  client.SubscribeTo("m");
  Happen({.key = "a"});
  gateway_.access.Deny(Action::kRead, "m");
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  EXPECT_EQ(client.Heard(), "error:403");
  Settle();
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  EXPECT_EQ(client.Heard(), "") << "told once, and no event";
}

TEST_F(GatewayJournalTest, RequestsWaitForThePolicies) {
  gateway_.access.Become(AccessControl::State::kUnknown);
  JournalClient client(gateway_);
  client.SubscribeTo("m", "stays");
  client.SubscribeTo("m", "goes");
  client.Unsubscribe("goes");
  EXPECT_EQ(Metric("gateway_journal_subscriptions"), 0);
  gateway_.access.Become(AccessControl::State::kOpen);
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  EXPECT_EQ(Metric("gateway_journal_subscriptions"), 1);
}

// ---- Reads ----

TEST_F(GatewayJournalTest, AReadIsAnswered) {
  JournalClient client(gateway_);
  client.Read("1700000000000003000000000000001200007", 5, "m");
  EXPECT_EQ(reader().query().from, (state::JournalSequence{1'700'000'000'000, 3, 12, 7}));
  EXPECT_EQ(reader().query().limit, 5U);
  EXPECT_EQ(reader().query().map, "m");
  reader().Answer(AnswerOf({{.key = "a"}, {.key = "b", .n = 11, .tombstone = true}}));
  EXPECT_EQ(client.Heard(), "answer[m:a -m:b]");
  EXPECT_EQ(Metric(R"(gateway_journal_events_total{way="read"})"), 2);
}

TEST_F(GatewayJournalTest, LimitsOfReadsHaveADefaultAndAMaximum) {
  JournalClient client(gateway_);
  client.Read("nonsense");
  EXPECT_EQ(reader().query().limit, 100U);
  EXPECT_EQ(reader().query().from, state::JournalSequence());
  reader().Answer(AnswerOf({}));
  client.Read("0", 1'000'000);
  EXPECT_EQ(reader().query().limit, 10'000U);
  reader().Answer(AnswerOf({}));
  EXPECT_EQ(client.Heard(), "answer[] answer[]");
}

TEST_F(GatewayJournalTest, AReadWaitsForTheConnectionsWrites) {
  JournalClient client(gateway_);
  client.Write("a");
  client.Read();
  EXPECT_TRUE(reader().reads.empty());
  gateway_.sink.Answer(gateway_.written);
  EXPECT_EQ(reader().reads.size(), 1U);
}

TEST_F(GatewayJournalTest, AReadGoesOnUntilItsAnswerIsFull) {
  JournalClient client(gateway_);
  client.Read("0", 3);
  auto first = AnswerOf({{.key = "a"}}, {{1, 20}, {1, 30}});
  first->next = state::JournalSequence{77, 0, 0, 0};
  reader().Answer(first);
  EXPECT_EQ(reader().query().from.commit_ms, 77U);
  EXPECT_EQ(reader().query().limit, 2U);
  EXPECT_EQ(reader().query().upto, (std::vector<state::Position>{{1, 20}, {1, 30}}));
  auto second = AnswerOf({{.key = "b", .n = 11}, {.key = "c", .n = 12}}, {{1, 20}, {1, 30}});
  second->next = state::JournalSequence{99, 0, 0, 0};
  reader().Answer(second);
  EXPECT_EQ(client.Heard(), "answer[m:a m:b m:c ...]");
}

TEST_F(GatewayJournalTest, AReadThatFindsNothingEndsAfterAWhile) {
  JournalClient client(gateway_);
  client.Read();
  auto nothing = AnswerOf({});
  nothing->next = state::JournalSequence{77, 0, 0, 0};
  reader().Answer(nothing);
  gateway_.Tick(seconds(9));
  reader().Answer(nothing);
  EXPECT_EQ(client.Heard(), "answer[ ...]");
}

TEST_F(GatewayJournalTest, AnswersAreLimitedInBytes) {
  JournalClient client(gateway_);
  client.Read();
  std::vector<Written> found;
  for (uint64_t n = 0; n < 40; ++n) found.push_back({.key = std::string(60'000, 'k'), .n = n});
  reader().Answer(AnswerOf(found));
  ASSERT_EQ(client.session.frames.size(), 1U);
  wire::ServerFrame frame;
  ASSERT_TRUE(wire::DecodeServerFrame(client.session.frames[0], frame).ok());
  EXPECT_EQ(frame.journal_read_response.events.size(), 17U);
  EXPECT_TRUE(frame.journal_read_response.has_more);
}

TEST_F(GatewayJournalTest, ReadsLeaveOutWhatMayNotBeRead) {
  gateway_.access.Deny(Action::kRead, "secret");
  JournalClient client(gateway_);
  client.Read("0", 1);
  EXPECT_GT(reader().query().limit, 1U) << "few may be for this client";
  auto page =
      AnswerOf({{.key = "a", .map = "secret"}, {.key = "b"}, {.key = "c", .map = "secret"}});
  reader().Answer(page);
  EXPECT_EQ(client.Heard(), "answer[m:b]");
  client.Read("0", 1);
  reader().Answer(AnswerOf({{.key = "b"}, {.key = "c"}}));
  EXPECT_EQ(client.Heard(), "answer[m:b ...]");
  client.Read("0", 10, "secret");
  EXPECT_EQ(client.Heard(), "error:403 answer[]");
  EXPECT_TRUE(reader().reads.empty());
}

TEST_F(GatewayJournalTest, AReadThatFailsIsNotAnsweredAsEmpty) {
  JournalClient client(gateway_);
  client.Read();
  reader().Fail();
  EXPECT_EQ(client.Heard(), "error:503");
  EXPECT_EQ(Metric(R"(gateway_journal_reads_total{result="failed"})"), 1);
}

TEST_F(GatewayJournalTest, ReadsThatWaitAreLimited) {
  JournalClient client(gateway_);
  for (int i = 0; i < 17; ++i) client.Read();
  EXPECT_EQ(client.Heard(), "error:429");
  EXPECT_EQ(reader().reads.size(), 16U);
  reader().Answer(AnswerOf({}));
  client.Read();
  EXPECT_EQ(client.Heard(), "answer[]");
  client.Close();
  while (!reader().reads.empty()) reader().Answer(AnswerOf({}));
}

// ---- Switched off ----

class JournalOffTest : public GatewayJournalTest {
 protected:
  JournalOffTest() : GatewayJournalTest({.enabled = false}) {}
};

TEST_F(JournalOffTest, RequestsAreAcceptedAndNothingIsTold) {
  JournalClient client(gateway_);
  client.SubscribeTo({});
  client.SubscribeTo("m", "one");
  Happen({.key = "a"});
  Settle();
  client.Unsubscribe();
  EXPECT_EQ(client.Heard(), "");
  EXPECT_FALSE(gateway_.source.all_maps);
  client.Read();
  EXPECT_EQ(client.Heard(), "answer[]");
  EXPECT_TRUE(reader().reads.empty());
}

}  // namespace
}  // namespace topgun::gateway
