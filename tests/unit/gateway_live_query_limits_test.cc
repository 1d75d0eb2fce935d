// The limits of queries that filter: memory, reads, changes kept, time to wait.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "gateway_live_query_fixture.h"

namespace topgun::gateway {
namespace {

using std::chrono::seconds;

using Client = QueryClient;

std::string Where(int n) { return R"({"where":{"n":)" + std::to_string(n) + "}}"; }

TEST_F(LiveQueryTest, SubscriptionsAreLimitedLikeAllOthers) {
  DispatchHarness gateway(false, {}, {.subscriptions_max = 1});
  Client client(gateway);
  client.Subscribe("1", "m", query::Pack(kActive));
  client.Subscribe("2", "m", query::Pack(kActive));
  EXPECT_EQ(client.Heard(), "error:429");
}

class LiveQueryReadsTest : public LiveQueryTest {
 protected:
  LiveQueryReadsTest() : LiveQueryTest({.reads_max = 2}) {}
};

TEST_F(LiveQueryReadsTest, OnlySoManyReadsRunAtOnce) {
  Client client(gateway_);
  for (int i = 0; i < 4; ++i) Ask(client, std::to_string(i), Where(i));
  EXPECT_EQ(gateway_.reader.reads.size(), 2U);
  gateway_.Tick();
  EXPECT_EQ(Metric("gateway_live_query_reads_waiting"), 2);
  Answer({});
  EXPECT_EQ(gateway_.reader.reads.size(), 2U);
  Answer({});
  Answer({});
  Answer({});
  EXPECT_EQ(client.Told(), "resp:0[] resp:1[] resp:2[] resp:3[]");
}

TEST_F(LiveQueryReadsTest, WhoHasLeftIsNotReadFor) {
  Client client(gateway_);
  for (int i = 0; i < 4; ++i) Ask(client, std::to_string(i), Where(i));
  client.Unsubscribe("0");
  client.Unsubscribe("2");
  Answer({});
  EXPECT_EQ(gateway_.reader.asked.where, query::Pack(R"({"n":3})"));
  Answer({});
  Answer({});
  EXPECT_EQ(client.Told(), "resp:1[] resp:3[]");
}

TEST_F(LiveQueryReadsTest, WhoWaitsForTooLongIsTold) {
  Client client(gateway_);
  for (int i = 0; i < 3; ++i) Ask(client, std::to_string(i), Where(i));
  gateway_.Tick(seconds(29));
  EXPECT_EQ(client.Heard(), "");
  gateway_.Tick(seconds(2));
  EXPECT_EQ(client.Heard(), "error:503") << "the others' reads have limits of their own";
}

class LiveQueryKeptTest : public LiveQueryTest {
 protected:
  LiveQueryKeptTest() : LiveQueryTest({.kept_bytes_max = 2'000}) {}
};

TEST_F(LiveQueryKeptTest, TooManyChangesDuringTheReadMakeItWorthless) {
  Client client(gateway_);
  Ask(client, "q", kActive);
  for (int i = 0; i < 30; ++i) Put("k", kYes);
  Answer({}, 5);
  EXPECT_EQ(client.Told(), "");
  EXPECT_EQ(Metric("gateway_live_query_rereads_total", "kept"), 1);
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  Answer({{"k", kYes}}, 35);
  EXPECT_EQ(client.Told(), "resp:q[k]");
}

class LiveQueryMemoryTest : public LiveQueryTest {
 protected:
  LiveQueryMemoryTest() : LiveQueryTest({.query_bytes_max = 2'500, .result_bytes_max = 700}) {}
};

TEST_F(LiveQueryMemoryTest, AWindowThatDoesNotFitIsNotLive) {
  Client client(gateway_);
  Ask(client, "q", R"({"limit":3})");
  Answer({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  EXPECT_EQ(client.Heard(), "resp:q[a b c] error:429");
  EXPECT_EQ(Metric("gateway_live_queries_refused_total", "rows"), 1);
  Put("a", "2");
  EXPECT_EQ(client.Heard(), "event:PUT:a") << "the map is followed all the same";
  // Somebody else asks when there is memory again: fewer rows.
  Client other(gateway_);
  Ask(other, "o", R"({"limit":3})");
  Answer({{"a", "2"}, {"b", "1"}}, 6);
  EXPECT_EQ(other.Told(), "resp:o[a b]");
  EXPECT_EQ(client.Told(), "resp:q[a b]") << "it is live again";
  Put("a", "3");
  EXPECT_EQ(client.Told(), "q:UPDATE:a");
}

TEST_F(LiveQueryMemoryTest, AWindowThatOutgrowsTheMemoryIsNotLiveAnyMore) {
  Client client(gateway_);
  Settle(client, R"({"limit":3})", {{"a", "1"}, {"b", "1"}});
  Put("c", "1");
  EXPECT_EQ(client.Told(), "q:ENTER:c error:429");
  Put("d", "1");
  EXPECT_EQ(client.Told(), "");
  gateway_.Tick();
  EXPECT_EQ(Metric("gateway_live_query_bytes", "rows"), 0);
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnProgress();
  Answer({{"a", "1"}}, 9);
  EXPECT_EQ(client.Told(), "resp:q[a]");
  Put("a", "2", {.n = 10});
  EXPECT_EQ(client.Told(), "q:UPDATE:a");
}

// Those before have on show what is followed, so they do not suffer.
TEST_F(LiveQueryMemoryTest, WhoJoinsAWindowThatHasGrownIsNotLive) {
  Client first(gateway_);
  Client second(gateway_);
  Settle(first, R"({"limit":3})", {{"a", "1"}, {"b", "1"}});
  Ask(second, "r", R"({"limit":3})");
  Answer({{"a", "1"}, {"b", "1"}, {"c", "1"}}, 6);
  EXPECT_EQ(second.Told(), "resp:r[a b c] error:429");
  EXPECT_EQ(first.Told(), "");
  Put("b", "2", {.n = 7});
  EXPECT_EQ(first.Told(), "q:UPDATE:b");
  EXPECT_EQ(second.Told(), "");
}

TEST_F(LiveQueryMemoryTest, AQueryWithoutALimitGoesOnBlind) {
  Client client(gateway_);
  Rows rows;
  for (int i = 0; i < 40; ++i) rows.emplace_back("k" + std::to_string(i), kYes);
  Ask(client, "q", kActive);
  Answer(rows);
  client.Told();
  Put("x", kNo);
  Put("x", kNo);
  EXPECT_EQ(client.Told(), "q:LEAVE:x") << "it is not known whether it was a row";
  Put("x", kYes);
  Put("y", kYes);
  EXPECT_EQ(client.Told(), "q:UPDATE:x q:ENTER:y");
  gateway_.Tick();
  EXPECT_EQ(Metric("gateway_live_queries_blind_total"), 1);
}

TEST_F(LiveQueryMemoryTest, QueriesThemselvesTakeMemory) {
  Client client(gateway_);
  for (int i = 0; i < 5; ++i) Ask(client, std::to_string(i), Where(i));
  EXPECT_EQ(client.Heard(), "error:429");
  EXPECT_EQ(Metric("gateway_live_queries_refused_total", "text"), 1);
  EXPECT_EQ(Metric("gateway_subscriptions"), 4);
  client.Unsubscribe("0");
  Ask(client, "4", Where(4));
  EXPECT_EQ(client.Heard(), "");
  gateway_.Tick();
  EXPECT_GT(Metric("gateway_live_query_bytes", "text"), 2'000);
}

TEST_F(LiveQueryMemoryTest, ARegularExpressionTakesMore) {
  Client client(gateway_);
  Ask(client, "q", R"({"predicate":{"op":"regex","attribute":"s","value":"^a"}})");
  EXPECT_EQ(client.Heard(), "error:429");
}

class LiveQueryExpiryLimitTest : public LiveQueryTest {
 protected:
  LiveQueryExpiryLimitTest() : LiveQueryTest({.expiry_bytes_max = 170}) {}
};

TEST_F(LiveQueryExpiryLimitTest, ARowBeyondTheLimitIsReadAgainWhenItExpires) {
  Client client(gateway_);
  Ask(client, "q", kActive);
  Answer({{"a", kYes}, {"b", kYes}}, 5, false,
         {{"a", 1'700'000'000'050.0}, {"b", 1'700'000'000'150.0}});
  client.Told();
  gateway_.clock.Advance(51);
  gateway_.Tick();
  EXPECT_EQ(client.Told(), "q:LEAVE:a");
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.clock.Advance(100);
  gateway_.Tick();
  Answer({}, 6);
  EXPECT_EQ(client.Told(), "resp:q[]");
  EXPECT_EQ(Metric("gateway_live_query_rereads_total", "expiry"), 1);
}

TEST_F(LiveQueryExpiryLimitTest, OfAWindowWhatDiffersIsTold) {
  Client client(gateway_);
  Ask(client, "q", R"({"limit":3})");
  Answer({{"a", "1"}, {"b", "1"}}, 5, false,
         {{"a", 1'700'000'000'050.0}, {"b", 1'700'000'000'150.0}});
  client.Told();
  gateway_.clock.Advance(200);
  gateway_.Tick(seconds(1));
  EXPECT_EQ(client.Told(), "q:LEAVE:a");
  Answer({}, 6);
  EXPECT_EQ(client.Told(), "q:LEAVE:b");
}

}  // namespace
}  // namespace topgun::gateway
