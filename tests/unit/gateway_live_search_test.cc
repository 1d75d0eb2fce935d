// SEARCH_SUB: results, and what becomes of them (features.md 7.3).
#include <gtest/gtest.h>

#include <string>

#include "gateway_search_fixture.h"

namespace topgun::gateway {
namespace {

using LiveSearchTest = SearchTest;

TEST_F(LiveSearchTest, RegistersThenSearches) {
  gateway_.source.confirmed = 0;
  SearchClient client(gateway_);
  client.Subscribe("s", "word", {.limit = 5, .min_score = 0.5});
  EXPECT_TRUE(gateway_.source.interest.contains("m"));
  EXPECT_EQ(Asked(), "nothing") << "changes would be missed";
  gateway_.source.confirmed = gateway_.source.last_id;
  searches_.changes().OnProgress();
  ASSERT_EQ(searcher_.calls.size(), 1U);
  EXPECT_EQ(searcher_.calls[0].first.limit, 5U);
  EXPECT_EQ(searcher_.calls[0].first.min_score, 0.5);
  searcher_.Answer({{.key = "a", .score = 1.5}});
  EXPECT_EQ(client.Heard(), "s[a:1.5]");
}

TEST_F(LiveSearchTest, ChangedRecordsEnterAreUpdatedAndLeave) {
  SearchClient client(gateway_);
  Settle(client, {{.key = "a", .score = 1}});
  Happen({.key = "b"});
  EXPECT_EQ(Asked(), "nothing") << "changes are gathered";
  Happen({.key = "a"});
  Happen({.key = "b"});
  Gathered();
  EXPECT_EQ(Asked(), "a b");
  searcher_.Answer({{.key = "b", .score = 2}, {.key = "a", .score = 1}});
  EXPECT_EQ(client.Heard().size(), std::string("s:UPDATE:a:1 s:ENTER:b:2").size());

  Happen({.key = "b"});
  Gathered();
  searcher_.Answer({{.key = "b", .score = 3}});
  EXPECT_EQ(client.Heard(), "s:UPDATE:b:3");
  Happen({.key = "b"});
  Gathered();
  searcher_.Answer({});
  EXPECT_EQ(client.Heard(), "s:LEAVE:b:0");
  Happen({.key = "b"});
  Happen({.key = "stranger"});
  Gathered();
  searcher_.Answer({});
  EXPECT_EQ(client.Heard(), "") << "it has left already";
}

TEST_F(LiveSearchTest, EachHasItsOwnLeastScoreAndTheyShareTheQuestion) {
  SearchClient a(gateway_);
  SearchClient b(gateway_);
  Settle(a);
  b.Subscribe("t", "word", {.min_score = 0.5});
  searcher_.Answer({});
  b.Heard();
  Happen();
  Gathered();
  ASSERT_EQ(searcher_.calls.size(), 1U);
  EXPECT_LT(searcher_.calls[0].first.min_score, 0);
  searcher_.Answer({{.key = "k", .score = 0.5}});
  EXPECT_EQ(a.Heard(), "s:ENTER:k:0.5");
  EXPECT_EQ(b.Heard(), "t:ENTER:k:0.5") << "inclusive";
  Happen();
  Gathered();
  searcher_.Answer({{.key = "k", .score = 0.25}});
  EXPECT_EQ(a.Heard(), "s:UPDATE:k:0.25");
  EXPECT_EQ(b.Heard(), "t:LEAVE:k:0");
}

TEST_F(LiveSearchTest, TheWriterIsToldToo) {
  SearchClient client(gateway_);
  Settle(client);
  client.Write("k");
  searches_.changes().OnChange(
      {.map = "m", .origin = gateway_.sink.submitted.back().origin, .key = "k", .cell = "ignored"});
  Gathered();
  searcher_.Answer({{.key = "k", .score = 1}});
  EXPECT_EQ(client.Heard(), "s:ENTER:k:1");
}

TEST_F(LiveSearchTest, OnlyRecordsOfTheMapMatter) {
  SearchClient client(gateway_);
  Settle(client);
  Happen({.map = "other"});
  Happen({.kind = state::CellKind::kOr});
  EXPECT_TRUE(timers_.empty());
}

TEST_F(LiveSearchTest, LiveQueriesHearOfChangesAsWell) {
  SearchClient client(gateway_);
  wire::QuerySubFrame query;
  query.query_id = "q";
  query.map = "m";
  std::string frame;
  wire::EncodeQuerySub(query, frame);
  SearchClient querying(gateway_);
  gateway_.table.ForEach([&](Connection& connection) {
    if (&connection.session() == &querying.session) connection.OnMessage(frame, true);
  });
  gateway_.reader.Answer({}, {});
  querying.Heard();
  Happen();
  EXPECT_EQ(querying.Heard(), "SERVER_EVENT QUERY_UPDATE");
}

TEST_F(LiveSearchTest, OneQuestionAtATime) {
  SearchClient client(gateway_);
  Settle(client);
  Happen({.key = "a"});
  Gathered();
  Happen({.key = "b"});
  Gathered();
  ASSERT_EQ(searcher_.calls.size(), 1U);
  searcher_.Answer({{.key = "a", .score = 1}});
  Gathered();
  EXPECT_EQ(Asked(), "b") << "asked once the first is answered";
}

TEST_F(LiveSearchTest, ManyKeysAreAskedInParts) {
  SearchClient client(gateway_);
  Settle(client);
  for (int i = 0; i < 1'500; ++i) Happen({.key = "k" + std::to_string(i)});
  Gathered();
  EXPECT_EQ(searcher_.calls.front().first.keys.size(), 1'000U);
  searcher_.Answer({});
  Gathered();
  EXPECT_EQ(searcher_.calls.front().first.keys.size(), 500U);
}

TEST_F(LiveSearchTest, ScoresThatComeDuringTheSearchAreAskedForAgainBehindIt) {
  SearchClient a(gateway_);
  SearchClient b(gateway_);
  Settle(a);
  Happen();
  Gathered();  // k is being scored
  b.Subscribe("t");
  ASSERT_EQ(searcher_.calls.size(), 2U);
  searcher_.Answer({{.key = "k", .score = 1}});
  EXPECT_EQ(a.Heard(), "s:ENTER:k:1");
  EXPECT_EQ(b.Heard(), "");
  searcher_.Answer({});  // the results of b, which k was too late for
  EXPECT_EQ(b.Heard(), "t[]");
  Gathered();
  EXPECT_EQ(Asked(), "k");
  searcher_.Answer({{.key = "k", .score = 1}});
  EXPECT_EQ(b.Heard(), "t:ENTER:k:1");
}

TEST_F(LiveSearchTest, AGapBringsTheResultsAnew) {
  SearchClient client(gateway_);
  Settle(client, {{.key = "a", .score = 1}});
  searches_.changes().OnGap(0);
  searches_.changes().OnProgress();
  Happen({.key = "a"});
  Gathered();
  ASSERT_EQ(searcher_.calls.size(), 2U);
  searcher_.Answer({{.key = "b", .score = 1}});
  EXPECT_EQ(client.Heard(), "s[b:1]");
  searcher_.Answer({{.key = "a", .score = 1}});
  EXPECT_EQ(client.Heard(), "s:ENTER:a:1") << "the new results do not have it";
  EXPECT_EQ(Metric("gateway_live_search_resets_total{reason=\"gap\"}"), 1);
}

TEST_F(LiveSearchTest, AGapDuringTheSearchMakesItWorthless) {
  SearchClient client(gateway_);
  client.Subscribe("s");
  searches_.changes().OnGap(0);
  searcher_.Answer({{.key = "old", .score = 1}});
  EXPECT_EQ(client.Heard(), "");
  searcher_.Answer({{.key = "new", .score = 1}});
  EXPECT_EQ(client.Heard(), "s[new:1]");
}

TEST_F(LiveSearchTest, ScoresThatCannotBeHadBringTheResultsAnew) {
  SearchClient client(gateway_);
  Settle(client, {{.key = "a", .score = 1}});
  Happen({.key = "a"});
  Gathered();
  searcher_.Fail();
  EXPECT_EQ(client.Heard(), "");
  Tick();
  searcher_.Answer({});
  EXPECT_EQ(client.Heard(), "s[]");
}

TEST_F(LiveSearchTest, ASearchThatFailsIsToldOnceAndTriedAgain) {
  SearchClient client(gateway_);
  client.Subscribe("s");
  searcher_.Fail();
  EXPECT_EQ(client.Heard(), "s!map cannot be searched at the moment: m");
  Tick();
  EXPECT_EQ(Asked(), "nothing") << "not at once";
  Tick(LiveSearchOptions().retry);
  searcher_.Fail();
  EXPECT_EQ(client.Heard(), "");
  Tick(LiveSearchOptions().retry);
  searcher_.Answer({{.key = "a", .score = 1}});
  EXPECT_EQ(client.Heard(), "s[a:1]");
}

TEST_F(LiveSearchTest, AMapThatDoesNotFitIsNotTriedAgainSoon) {
  SearchClient client(gateway_);
  client.Subscribe("s");
  searcher_.Fail(ResourceExhausted("the map does not fit into a view"));
  EXPECT_EQ(client.Heard(), "s!the map does not fit into a view");
  Tick(LiveSearchOptions().retry);
  EXPECT_EQ(Asked(), "nothing");
  Tick(LiveSearchOptions().retry_full);
  searcher_.Answer({});
  EXPECT_EQ(client.Heard(), "s[]");
}

TEST_F(LiveSearchTest, ARefusedQueryIsForgotten) {
  SearchClient client(gateway_);
  client.Subscribe("s");
  searcher_.Fail(InvalidArgument("query: too many words"));
  EXPECT_EQ(client.Heard(), "s!query: too many words");
  EXPECT_EQ(Metric("gateway_live_searches"), 0);
}

TEST_F(LiveSearchTest, WhoWaitsForLongIsTold) {
  gateway_.source.confirmed = 0;
  SearchClient client(gateway_);
  client.Subscribe("s");
  Tick(LiveSearchOptions().wait_limit + std::chrono::seconds(1));
  EXPECT_EQ(client.Heard(), "s!map cannot be searched at the moment: m");
  Tick();
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(LiveSearchTest, AnUnsubscribedOneIsNotAnsweredAndHearsNothing) {
  SearchClient client(gateway_);
  Settle(client);
  Happen();
  Gathered();
  client.Unsubscribe("s");
  EXPECT_EQ(client.Heard(), "") << "an OP_ACK would mark writes as synced";
  searcher_.Answer({{.key = "k", .score = 1}});
  Happen();
  EXPECT_TRUE(timers_.empty());
  EXPECT_EQ(client.Heard(), "");
  client.Unsubscribe("unknown");
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(LiveSearchTest, TheSameIdReplaces) {
  SearchClient client(gateway_);
  Settle(client);
  client.Subscribe("s", "other");
  searcher_.Answer({});
  client.Heard();
  Happen();
  Gathered();
  ASSERT_EQ(searcher_.calls.size(), 1U);
  EXPECT_EQ(searcher_.calls[0].first.query, "other");
  EXPECT_EQ(Metric("gateway_live_searches"), 1);
}

TEST_F(LiveSearchTest, IdsBelongToTheirConnection) {
  SearchClient a(gateway_);
  SearchClient b(gateway_);
  Settle(a);
  Settle(b);
  a.Unsubscribe("s");
  Happen();
  Gathered();
  searcher_.Answer({{.key = "k", .score = 1}});
  EXPECT_EQ(a.Heard(), "");
  EXPECT_EQ(b.Heard(), "s:ENTER:k:1");
}

TEST_F(LiveSearchTest, WhoLeavesIsForgotten) {
  SearchClient client(gateway_);
  Settle(client, {{.key = "a", .score = 1}});
  EXPECT_EQ(Metric("gateway_live_search_keys"), 1);
  client.Leave();
  EXPECT_EQ(Metric("gateway_live_searches"), 0);
  EXPECT_EQ(Metric("gateway_live_search_keys"), 0);
  Happen();
  EXPECT_TRUE(timers_.empty());
  EXPECT_TRUE(gateway_.source.interest.contains("m")) << "somebody may come back";
  Tick(LiveSearchOptions().interest_linger + std::chrono::seconds(1));
  EXPECT_FALSE(gateway_.source.interest.contains("m"));
}

TEST_F(LiveSearchTest, RecordsThatExpireLeave) {
  SearchClient client(gateway_);
  const double soon = static_cast<double>(gateway_.clock.NowMs()) + 1'000;
  Settle(client, {{.key = "a", .score = 1, .expires_ms = soon}});
  Tick();
  EXPECT_EQ(client.Heard(), "");
  gateway_.clock.Advance(1'001);
  Tick();
  EXPECT_EQ(client.Heard(), "s:LEAVE:a:0");

  Happen({.key = "b"});
  Gathered();
  searcher_.Answer({{.key = "b", .score = 1, .expires_ms = soon + 2'000}});
  Happen({.key = "b"});
  Gathered();
  searcher_.Answer({{.key = "b", .score = 1}});
  client.Heard();
  gateway_.clock.Advance(5'000);
  Tick();
  EXPECT_EQ(client.Heard(), "") << "it does not expire any more";
}

TEST_F(LiveSearchTest, WhatMayNoLongerBeReadIsSuspended) {
  SearchClient client(gateway_);
  Settle(client, {{.key = "a", .score = 1}});
  gateway_.access.Deny(Action::kRead, "m");
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  EXPECT_EQ(client.Heard(), "s!Access denied for map: m");
  Happen({.key = "a"});
  EXPECT_TRUE(timers_.empty());
  gateway_.access.Allow(Action::kRead, "m");
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  searcher_.Answer({{.key = "a", .score = 1}});
  EXPECT_EQ(client.Heard(), "s[a:1]");
}

TEST_F(LiveSearchTest, ADeniedOneBeginsOnceItMayBeRead) {
  gateway_.access.Deny(Action::kRead, "m");
  SearchClient client(gateway_);
  client.Subscribe("s");
  EXPECT_EQ(client.Heard(), "s!Access denied for map: m");
  EXPECT_EQ(Asked(), "nothing");
  gateway_.access.Allow(Action::kRead, "m");
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  searcher_.Answer({});
  EXPECT_EQ(client.Heard(), "s[]");
}

class LiveSearchLimitTest : public SearchTest {
 protected:
  LiveSearchLimitTest() : SearchTest(Options()) {}

  static SearchOptions Options() {
    SearchOptions options;
    options.id_bytes_max = 4;
    options.live.subscriptions_max = 2;
    options.live.known_keys_max = 2;
    options.live.loop_known_keys_max = 5;
    options.live.changed_keys_max = 3;
    options.live.expiry_bytes_max = 0;
    return options;
  }
};

TEST_F(LiveSearchLimitTest, SubscriptionsOfAConnection) {
  SearchClient client(gateway_);
  client.Subscribe("a");
  client.Subscribe("b");
  client.Subscribe("c");
  EXPECT_EQ(client.Heard(), "c!too many live searches");
  EXPECT_EQ(Metric("gateway_live_searches_refused_total"), 1);
  client.Subscribe("longer");
  EXPECT_EQ(client.Heard(), "longer!subscriptionId: too long");
  client.Unsubscribe("a");
  client.Subscribe("c");
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(LiveSearchLimitTest, HitsThatASubscriptionRemembers) {
  SearchClient client(gateway_);
  Settle(client, {{.key = "a", .score = 1}, {.key = "b", .score = 1}});
  Happen({.key = "c"});
  Gathered();
  searcher_.Answer({{.key = "c", .score = 9}});
  EXPECT_EQ(client.Heard(), "");
  Tick();
  searcher_.Answer({{.key = "c", .score = 9}});
  EXPECT_EQ(client.Heard(), "s[c:9]") << "the results replace what it knew";
  EXPECT_EQ(Metric("gateway_live_search_resets_total{reason=\"too_many_keys\"}"), 1);
}

TEST_F(LiveSearchLimitTest, HitsThatTheLoopRemembers) {
  SearchClient a(gateway_);
  SearchClient b(gateway_);
  Settle(a, {{.key = "1", .score = 1}, {.key = "2", .score = 1}, {.key = "3", .score = 1}});
  b.Subscribe("t", "other");
  searcher_.Answer({{.key = "1", .score = 1}, {.key = "2", .score = 1}});
  b.Subscribe("u");
  EXPECT_EQ(b.Heard(), "t[1:1 2:1] u!too many live searches");
}

TEST_F(LiveSearchLimitTest, KeysThatAreGathered) {
  SearchClient client(gateway_);
  Settle(client);
  for (const char* const key : {"a", "b", "c", "d"}) Happen({.key = key});
  Gathered();
  EXPECT_EQ(Asked(), "nothing");
  Tick();
  searcher_.Answer({{.key = "d", .score = 1}});
  EXPECT_EQ(client.Heard(), "s[d:1]");
}

TEST_F(LiveSearchLimitTest, KeysThatAreScoredDuringASearch) {
  SearchClient a(gateway_);
  SearchClient b(gateway_);
  Settle(a);
  b.Subscribe("t");
  auto results = std::move(searcher_.calls.front());
  searcher_.calls.clear();
  for (const char* const key : {"a", "b", "c", "d"}) {
    Happen({.key = key});
    Gathered();
    searcher_.Answer({});
  }
  results.second(std::make_shared<const std::vector<SearchHit>>());
  EXPECT_EQ(b.Heard(), "") << "too much has changed meanwhile";
  searcher_.Answer({});
  EXPECT_EQ(b.Heard(), "t[]");
}

TEST_F(LiveSearchLimitTest, HitsThatExpire) {
  SearchClient client(gateway_);
  const double soon = static_cast<double>(gateway_.clock.NowMs()) + 1'000;
  Settle(client, {{.key = "a", .score = 1, .expires_ms = soon}});
  gateway_.clock.Advance(1'001);
  Tick();
  Tick();
  searcher_.Answer({});
  EXPECT_EQ(client.Heard(), "s[]") << "there was no room to remember it";
}

}  // namespace
}  // namespace topgun::gateway
