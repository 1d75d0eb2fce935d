// The rows of queries that filter, project or group: snapshots, and the changes around them
// (features.md 1.2, 1.8 to 1.10). Those with a limit: gateway_live_query_window_test.cc.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "gateway_live_query_fixture.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Client = QueryClient;

constexpr int64_t kStart = 1'700'000'000'000;  // the harness' clock
// What a record with this TTL needs to be hidden at kStart + 100 ms: it is 100 ms old.
constexpr double kTtl = 200;

TEST_F(LiveQueryTest, TheSnapshotIsAskedForByTheQuery) {
  Client client(gateway_);
  Ask(client, "q", R"({"where":{"s":"active"},"sort":[{"field":"n","direction":"asc"}]})");
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  EXPECT_EQ(gateway_.reader.asked.where, query::Pack(R"({"s":"active"})"));
  EXPECT_EQ(gateway_.reader.asked.sort, query::Pack(R"([{"field":"n","direction":"asc"}])"));
  EXPECT_EQ(gateway_.reader.asked.rows_max, 10'000U);
  Answer({{"b", R"({"s":"active","n":1})"}, {"a", R"({"s":"active","n":2})"}});
  EXPECT_EQ(ValueOf(client, "b"), R"({"s":"active","n":1})");
  EXPECT_EQ(client.Told(), "resp:q[b a]") << "in the order of the snapshot";
}

// features.md 1.1; `aggregations` count with `groupBy` only (1.9).
TEST_F(LiveQueryTest, EmptyPartsSayNothingSoTheMapIsListed) {
  Client client(gateway_);
  Ask(client, "q",
      R"({"where":{},"sort":[],"groupBy":[],"aggregations":[{"func":"sum","field":"n"}]})", "[]");
  EXPECT_EQ(Metric("gateway_live_queries "), 0);
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Told(), "resp:q[]");
  Put("a", "1");
  EXPECT_EQ(client.Told(), "q:ENTER:a");
}

TEST_F(LiveQueryTest, RowsEnterUpdateAndLeave) {
  Client client(gateway_);
  Settle(client, kActive, {{"a", kYes}});
  Put("b", kYes);
  EXPECT_EQ(ValueOf(client, "b"), kYes);
  EXPECT_EQ(client.Heard(), "event:PUT:b q:ENTER:b");
  Put("a", kYes);
  EXPECT_EQ(client.Heard(), "event:PUT:a q:UPDATE:a") << "even if nothing has changed";
  Put("a", kNo);
  EXPECT_EQ(ValueOf(client, "a"), "null");
  EXPECT_EQ(client.Heard(), "event:PUT:a q:LEAVE:a");
  Put("a", kNo);
  EXPECT_EQ(client.Heard(), "event:PUT:a");
  Put("a", kYes);
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a") << "it was a record, but no row";
  Remove("a");
  EXPECT_EQ(client.Heard(), "event:REMOVE:a q:LEAVE:a");
  Put("b", "null");
  EXPECT_EQ(client.Heard(), "event:PUT:b q:LEAVE:b");
}

TEST_F(LiveQueryTest, WhatAFilterDoesNotSelectIsOnlyAnEvent) {
  Client client(gateway_);
  Settle(client, kActive);
  Put("a", kNo);
  Remove("a");
  EXPECT_EQ(client.Heard(), "event:PUT:a event:REMOVE:a");
}

TEST_F(LiveQueryTest, KeysCanBeFiltered) {
  Client client(gateway_);
  Settle(client, R"({"predicate":{"op":"in","attribute":"_key","value":["a","c"]}})");
  Put("a", "1");
  Put("b", "1");
  EXPECT_EQ(client.Told(), "q:ENTER:a");
}

TEST_F(LiveQueryTest, TwoQueriesOfAConnectionGetTheirOwnRows) {
  Client client(gateway_);
  Settle(client, kActive);
  Ask(client, "r", R"({"where":{"s":"done"}})");
  Answer({});
  EXPECT_EQ(client.Told(), "resp:r[]");
  Put("a", kYes);
  Put("b", kNo);
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a event:PUT:b r:ENTER:b");
  Put("a", kNo);
  EXPECT_EQ(client.Heard(), "event:PUT:a q:LEAVE:a r:ENTER:a");
}

TEST_F(LiveQueryTest, OnlyTheFieldsAskedForAreSent) {
  Client client(gateway_);
  Ask(client, "q", R"({"where":{"s":"active"}})", R"(["n","missing"])");
  Answer({{"a", R"({"s":"active","n":1,"secret":2})"}});
  EXPECT_EQ(ValueOf(client, "a"), R"({"n":1})");
  EXPECT_EQ(client.Told(), "resp:q[a]");
  Put("b", R"({"n":3,"s":"active"})");
  EXPECT_EQ(ValueOf(client, "b"), R"({"n":3})");
  EXPECT_EQ(client.Told(), "q:ENTER:b");
}

TEST_F(LiveQueryTest, TheWriterIsLeftOutButItsRowIsKnown) {
  Client writer(gateway_);
  Client other(gateway_);
  Settle(writer, kActive);
  Ask(other, "o", kActive);
  Answer({});
  writer.Write("x");
  writer.Heard();
  other.Heard();
  Put("a", kYes, {.origin = writer.origin});
  EXPECT_EQ(writer.Heard(), "");
  EXPECT_EQ(other.Told(), "o:ENTER:a");
  Put("a", kYes);
  EXPECT_EQ(writer.Told(), "q:UPDATE:a");
  EXPECT_EQ(other.Told(), "o:UPDATE:a");
}

TEST_F(LiveQueryTest, IdenticalQueriesAreEvaluatedOnce) {
  Client first(gateway_);
  Client second(gateway_);
  Ask(first, "q", kActive);  // its read is on its way
  Ask(second, "q", kActive);
  Ask(second, "r", kActive);
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
  Answer({{"a", kYes}});
  EXPECT_EQ(first.Told(), "resp:q[a]");
  EXPECT_EQ(second.Told(), "");
  EXPECT_EQ(gateway_.reader.reads.size(), 1U) << "one for both";
  Answer({{"a", kYes}});
  EXPECT_EQ(second.Told(), "resp:q[a] resp:r[a]");
  EXPECT_EQ(first.Told(), "");
  Put("b", kYes);
  EXPECT_EQ(first.Told(), "q:ENTER:b");
  EXPECT_EQ(second.Told(), "q:ENTER:b r:ENTER:b");
  EXPECT_EQ(Metric("gateway_live_queries "), 1);
  EXPECT_EQ(Metric("gateway_live_query_evaluations_total"), 1);
}

TEST_F(LiveQueryTest, QueriesThatDifferAreNotShared) {
  Client client(gateway_);
  Ask(client, "q", kActive);
  Ask(client, "r", kActive, R"(["n"])");
  Ask(client, "s", R"({"where":{"s":"active"},"limit":5})");
  client.Subscribe("t", "other", query::Pack(kActive));
  EXPECT_EQ(gateway_.reader.reads.size(), 4U);
}

TEST_F(LiveQueryTest, ReadsWaitForTheConnectionsOwnWrites) {
  Client client(gateway_);
  client.Write("k");
  Ask(client, "q", kActive);
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
}

TEST_F(LiveQueryTest, ChangesDuringTheReadComeBehindItAndOnlyWhatIsBeyondIt) {
  Client client(gateway_);
  Ask(client, "q", kActive);
  Put("in", kYes, {.n = 5});
  Put("beyond", kYes, {.n = 6});
  Put("leaves", kNo, {.n = 7});
  Put("never was", kNo, {.n = 8});
  EXPECT_EQ(client.Told(), "");
  Answer({{"in", kYes}, {"leaves", kYes}}, 5);
  EXPECT_EQ(client.Told(), "resp:q[in leaves] q:ENTER:beyond q:LEAVE:leaves");
  Put("old", kYes, {.n = 5});
  EXPECT_EQ(client.Told(), "") << "the watch lags behind the snapshot";
}

TEST_F(LiveQueryTest, ASnapshotForOneIsNoneForTheOthers) {
  Client first(gateway_);
  Client second(gateway_);
  Settle(first, kActive, {{"a", kYes}});
  Ask(second, "r", kActive);
  Put("b", kYes, {.n = 9});
  EXPECT_EQ(first.Told(), "q:ENTER:b");
  // Ahead of the changes that were heard of so far.
  Answer({{"b", kYes}, {"c", kYes}}, 11);
  EXPECT_EQ(second.Told(), "resp:r[b c]");
  EXPECT_EQ(first.Told(), "");
  Remove("a", {.n = 10});
  Put("c", kYes, {.n = 11});
  Put("b", kNo, {.n = 12});
  EXPECT_EQ(first.Told(), "q:LEAVE:a q:UPDATE:c q:LEAVE:b");
  EXPECT_EQ(second.Told(), "r:LEAVE:b");
}

TEST_F(LiveQueryTest, TheSameIdReplacesAndUnsubscribingEnds) {
  Client client(gateway_);
  Settle(client, kActive);
  Ask(client, "q", R"({"where":{"s":"done"}})");
  Answer({});
  EXPECT_EQ(client.Told(), "resp:q[]");
  Put("a", kYes);
  EXPECT_EQ(client.Told(), "");
  client.Subscribe("q");  // a list of the map
  gateway_.reader.Answer({}, {{1, 6}});
  EXPECT_EQ(client.Told(), "resp:q[]");
  Put("b", kNo);
  EXPECT_EQ(client.Told(), "q:ENTER:b") << "once";
  Ask(client, "q", kActive);
  Answer({}, 7);
  EXPECT_EQ(client.Told(), "resp:q[]");
  client.Unsubscribe("q");
  Put("c", kYes);
  EXPECT_EQ(client.Heard(), "");
  EXPECT_EQ(Metric("gateway_live_queries "), 0);
  EXPECT_EQ(Metric("gateway_subscriptions"), 0);
}

TEST_F(LiveQueryTest, AReadThatOutlivesItsSubscribersIsIgnored) {
  {
    Client client(gateway_);
    Ask(client, "q", kActive);
  }
  Answer({{"a", kYes}});
  EXPECT_EQ(Metric("gateway_live_queries "), 0);
}

TEST_F(LiveQueryTest, AfterAGapEverybodyGetsItsRowsAgain) {
  Client client(gateway_);
  Settle(client, kActive, {{"lost", kYes}});
  Put("x", kYes);
  const uint64_t stream = client.session.last_stream;
  client.Heard();
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnGap(1);
  gateway_.fan_out.OnProgress();
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  Put("a", kYes, {.n = 8});
  EXPECT_EQ(client.Told(), "q:ENTER:a") << "what is known goes on";
  Answer({{"healed", kYes}}, 7);
  EXPECT_EQ(client.Told(), "resp:q[healed] q:ENTER:a");
  EXPECT_NE(client.session.last_stream, stream)
      << "an update must not replace one that is queued before the rows";
  Remove("lost");
  EXPECT_EQ(client.Told(), "");
}

TEST_F(LiveQueryTest, AGapDuringAReadMakesItWorthless) {
  Client client(gateway_);
  Ask(client, "q", kActive);
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnProgress();
  Answer({{"stale", kYes}});
  EXPECT_EQ(client.Told(), "");
  Answer({{"fresh", kYes}});
  EXPECT_EQ(client.Told(), "resp:q[fresh]");
}

TEST_F(LiveQueryTest, RowsLeaveWhenTheirTtlHasPassed) {
  Client client(gateway_);
  Ask(client, "q", kActive);
  Answer({{"a", kYes}, {"b", kYes}}, 5, false, {{"b", kStart + 50}});
  client.Write("x");
  client.Heard();
  Put("own", kYes, {.origin = client.origin, .ttl_ms = kTtl});
  Put("renewed", kYes, {.ttl_ms = kTtl});
  Put("renewed", kYes);
  Put("no row", kNo, {.ttl_ms = kTtl});
  client.Heard();
  gateway_.clock.Advance(51);
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "q:LEAVE:b");
  gateway_.clock.Advance(50);
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "q:LEAVE:own") << "nobody's op caused it";
  Remove("b");
  EXPECT_EQ(client.Told(), "");
  gateway_.Tick();
  EXPECT_EQ(Metric("gateway_expiring_rows"), 0);
}

TEST_F(LiveQueryTest, ACursorsRowsAreThoseBehindIt) {
  Client client(gateway_);
  Ask(client, "first", R"({"where":{"s":"active"},"limit":1})");
  Answer({{"a", kYes}, {"b", kYes}});
  wire::ServerFrame page;
  ASSERT_TRUE(wire::DecodeServerFrame(client.session.frames.back(), page).ok());
  const std::string cursor(page.query_resp.next_cursor.value_or(""));
  EXPECT_EQ(client.Told(), "resp:first[a]+");
  client.Unsubscribe("first");
  Ask(client, "q", R"({"where":{"s":"active"},"cursor":")" + cursor + R"("})");
  EXPECT_EQ(gateway_.reader.asked.after, "a");
  Answer({{"b", kYes}});
  EXPECT_EQ(client.Told(), "resp:q[b]valid");
  Put("0", kYes);
  Put("c", kYes);
  EXPECT_EQ(client.Told(), "q:ENTER:c");
  Put("b", kNo);
  EXPECT_EQ(client.Told(), "q:LEAVE:b");
}

TEST_F(LiveQueryTest, GroupsAreReadAgainAtMostOnceASecond) {
  Client client(gateway_);
  Settle(client, R"({"groupBy":["s"]})", {{"Sa", R"({"__count":1})"}, {"Sb", R"({"__count":1})"}});
  EXPECT_TRUE(gateway_.reader.reads.empty());
  Put("x", kYes);
  EXPECT_EQ(client.Told(), "");
  EXPECT_TRUE(gateway_.reader.reads.empty()) << "it was just read";
  gateway_.Tick(seconds(1));
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  Put("y", kYes);
  Answer({{"Sa", R"({"__count":2})"}, {"Sc", R"({"__count":1})"}}, 6);
  EXPECT_EQ(client.Told(), "q:LEAVE:Sb q:ENTER:Sc q:UPDATE:Sa");
  gateway_.Tick(milliseconds(900));
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.Tick(milliseconds(100));
  ASSERT_EQ(gateway_.reader.reads.size(), 1U) << "something has changed since";
  Answer({{"Sa", R"({"__count":2})"}, {"Sc", R"({"__count":1})"}}, 7);
  EXPECT_EQ(client.Told(), "") << "but not the groups";
  Remove("never was");
  gateway_.Tick(seconds(2));
  EXPECT_TRUE(gateway_.reader.reads.empty());
}

}  // namespace
}  // namespace topgun::gateway
