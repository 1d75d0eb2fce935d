// SEARCH: what is asked of the cluster, when, and how it is answered (features.md 7).
#include <gtest/gtest.h>

#include <string>

#include "gateway_search_fixture.h"

namespace topgun::gateway {
namespace {

TEST_F(SearchTest, IsAnsweredWithTheHitsInTheirOrder) {
  SearchClient client(gateway_);
  client.Search("r1", "Machine learning");
  ASSERT_EQ(searcher_.calls.size(), 1U);
  const SearchRequest& request = searcher_.calls[0].first;
  EXPECT_EQ(request.map, "m");
  EXPECT_EQ(request.query, "Machine learning");
  EXPECT_EQ(request.limit, 10U);
  EXPECT_EQ(request.min_score, 0);
  EXPECT_TRUE(request.keys.empty());
  EXPECT_EQ(client.Heard(), "");

  searcher_.Answer({{.key = "b", .score = 2.5}, {.key = "a", .score = 0.25}});
  ASSERT_EQ(client.session.frames.size(), 1U);
  EXPECT_NE(client.session.frames[0].find("\xacmatchedTerms\x92\xa7machine\xa8learning"),
            std::string::npos);
  EXPECT_EQ(client.Heard(), "r1[b:2.5 a:0.25]");
}

TEST_F(SearchTest, OptionsHaveDefaultsAndLimits) {
  SearchClient client(gateway_);
  client.Search("r", "q", {.limit = 0, .min_score = 0.5});
  client.Search("r", "q", {.limit = 7});
  client.Search("r", "q", {.limit = 1'001});
  ASSERT_EQ(searcher_.calls.size(), 3U);
  EXPECT_EQ(searcher_.calls[0].first.limit, 10U);
  EXPECT_EQ(searcher_.calls[0].first.min_score, 0.5);
  EXPECT_EQ(searcher_.calls[1].first.limit, 7U);
  EXPECT_EQ(searcher_.calls[2].first.limit, 1'000U);
}

TEST_F(SearchTest, WaitsForTheConnectionsOwnWrites) {
  SearchClient client(gateway_);
  SearchClient other(gateway_);
  client.Write("k");
  client.Search("r1");
  EXPECT_EQ(Asked(), "nothing");
  other.Search("r2");
  EXPECT_EQ(searcher_.calls.size(), 1U) << "nobody else waits";
  searcher_.Answer({});
  gateway_.sink.Answer(gateway_.written);
  EXPECT_EQ(searcher_.calls.size(), 1U);
}

TEST_F(SearchTest, EqualOnesThatWaitTogetherShareACall) {
  SearchClient a(gateway_);
  SearchClient b(gateway_);
  a.Search("r1");
  a.Search("r2");
  b.Search("r3");
  b.Search("r4", "other");
  ASSERT_EQ(searcher_.calls.size(), 2U);
  // The first one may have begun before what the others must find was written.
  searcher_.Answer({{.key = "old", .score = 1}});
  EXPECT_EQ(a.Heard(), "r1[old:1]");
  EXPECT_EQ(b.Heard(), "");
  ASSERT_EQ(searcher_.calls.size(), 2U);
  searcher_.Answer({});
  EXPECT_EQ(b.Heard(), "r4[]");
  searcher_.Answer({{.key = "new", .score = 1}});
  EXPECT_EQ(a.Heard(), "r2[new:1]");
  EXPECT_EQ(b.Heard(), "r3[new:1]");
  EXPECT_TRUE(searcher_.calls.empty());
  EXPECT_EQ(Metric("gateway_search_calls_total"), 3);
}

TEST_F(SearchTest, FailuresComeAsErrors) {
  SearchClient client(gateway_);
  client.Search("r1");
  searcher_.Fail();
  EXPECT_EQ(client.Heard(), "r1!map cannot be searched at the moment: m");
  client.Search("r2");
  searcher_.Fail(InvalidArgument("query: too many words"));
  EXPECT_EQ(client.Heard(), "r2!query: too many words");
  client.Search("r3");
  searcher_.Fail(ResourceExhausted("the map does not fit into a view"));
  EXPECT_EQ(client.Heard(), "r3!the map does not fit into a view");
  client.Search("r4", std::string(4'097, 'x'));
  EXPECT_EQ(client.Heard(), "r4!query: too long");
  client.Search("r5", "q", {.map = std::string_view(std::string(2'000, 'm'))});
  EXPECT_EQ(client.Heard().substr(0, 3), "r5!");
  EXPECT_TRUE(searcher_.calls.empty());
}

TEST_F(SearchTest, AMapThatMayNotBeReadIsDenied) {
  gateway_.access.Deny(Action::kRead, "m");
  SearchClient client(gateway_);
  client.Search("r1");
  EXPECT_EQ(client.Heard(), "r1!Access denied for map: m");
  gateway_.access.Allow(Action::kRead, "m");
  client.Search("r2");
  gateway_.access.Deny(Action::kRead, "m");
  searcher_.Answer({{.key = "secret", .score = 1}});
  EXPECT_EQ(client.Heard(), "r2!Access denied for map: m");
  gateway_.access.Become(AccessControl::State::kUnknown);
}

TEST_F(SearchTest, IsHeldUntilThePoliciesAreKnown) {
  gateway_.access.Become(AccessControl::State::kUnknown);
  SearchClient client(gateway_);
  client.Search("r1");
  EXPECT_EQ(Asked(), "nothing");
  EXPECT_EQ(client.Heard(), "");
  gateway_.access.Become(AccessControl::State::kOpen);
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  EXPECT_EQ(searcher_.calls.size(), 1U);
}

TEST_F(SearchTest, NobodyIsToldWhoHasLeft) {
  SearchClient client(gateway_);
  client.Search("r1");
  EXPECT_EQ(Metric("gateway_searches_waiting"), 1);
  client.Leave();
  EXPECT_EQ(Metric("gateway_searches_waiting"), 0);
  searcher_.Answer({});
  EXPECT_TRUE(client.session.frames.empty());
}

class SearchLimitTest : public SearchTest {
 protected:
  SearchLimitTest() : SearchTest({.waiting_max = 3, .waiting_per_connection_max = 2}) {}
};

TEST_F(SearchLimitTest, SearchesThatWaitAreLimited) {
  SearchClient a(gateway_);
  SearchClient b(gateway_);
  a.Search("a1");
  a.Search("a2");
  a.Search("a3");
  EXPECT_EQ(a.Heard(), "a3!too many searches are on their way");
  b.Search("b1");
  b.Search("b2");
  EXPECT_EQ(b.Heard(), "b2!too many searches are on their way");
  EXPECT_EQ(Metric("gateway_searches_total{result=\"refused\"}"), 2);
  searcher_.Answer({});
  a.Search("a4");
  EXPECT_EQ(a.Heard(), "a1[]");
  EXPECT_EQ(Metric("gateway_searches_waiting"), 3);
}

}  // namespace
}  // namespace topgun::gateway
