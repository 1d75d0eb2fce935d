// The events of maps that are subscribed with queries that filter: they come whatever the filter
// selects (features.md 1.1). None of the records here is.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "gateway_fan_out_fixture.h"

namespace topgun::gateway {
namespace {

using std::chrono::seconds;

// {where: {x: 1}}
constexpr std::string_view kFiltered = "\x81\xa5where\x81\xa1x\x01";

class FanOutEventsTest : public FanOutTest {
 protected:
  // A client with such a query.
  void Follow(QueryClient& client) {
    client.Subscribe("q", "m", kFiltered);
    gateway_.reader.Answer({}, {{1, 5}});
    EXPECT_EQ(client.Heard(), "resp:q[]");
  }
};

TEST_F(FanOutEventsTest, EventsComeWhateverTheFilterSays) {
  QueryClient client(gateway_);
  Follow(client);
  Happen({.key = "a"});
  Happen({.key = "a", .was_live = true, .tombstone = true});
  Happen({.key = "b", .tag = "t"});
  EXPECT_EQ(client.Heard(), "event:PUT:a event:REMOVE:a event:OR_ADD:b");
  client.Write("c");
  Happen({.key = "c", .origin = client.origin});
  EXPECT_EQ(client.Heard(), "") << "its own change";
}

TEST_F(FanOutEventsTest, RowsThatExpireAreNoConcernOfTheirs) {
  QueryClient client(gateway_);
  Follow(client);
  Happen({.key = "a", .ttl_ms = 1'000});
  EXPECT_EQ(client.Heard(), "event:PUT:a");
  gateway_.clock.Advance(2'000);
  gateway_.Tick();
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(FanOutEventsTest, ItReplacesAQueryOfTheSameIdAndIsReplaced) {
  QueryClient client(gateway_);
  Settle(client);
  Follow(client);
  Happen({.key = "a", .position = {1, 6}});
  EXPECT_EQ(client.Heard(), "event:PUT:a");
  client.Subscribe("q");
  gateway_.reader.Answer({}, {{1, 6}});
  EXPECT_EQ(client.Heard(), "resp:q[]");
  Happen({.key = "b", .position = {1, 7}});
  EXPECT_EQ(client.Heard(), "event:PUT:b q:ENTER:b");
}

TEST_F(FanOutEventsTest, ItEndsAsAnyOther) {
  QueryClient client(gateway_);
  Follow(client);
  client.Unsubscribe("q");
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "");
  gateway_.Tick(seconds(6));
  EXPECT_FALSE(gateway_.source.interest.contains("m"));
}

TEST_F(FanOutEventsTest, ItWaitsForTheInterestSoThatNothingIsMissed) {
  gateway_.source.confirmed = 0;
  QueryClient client(gateway_);
  std::vector<std::string> live;
  gateway_.fan_out.set_on_live(
      [&live](Connection&, const std::string& map) { live.push_back(map); });
  client.Subscribe("q", "m", kFiltered);
  EXPECT_TRUE(live.empty());
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.source.confirmed = 1;
  gateway_.fan_out.OnProgress();
  EXPECT_EQ(live, std::vector<std::string>{"m"}) << "what was before is synced after this";
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
}

TEST_F(FanOutEventsTest, BesideAQueryWithRowsEventsComeOnce) {
  QueryClient client(gateway_);
  client.Subscribe("rows");
  Happen({.key = "a", .position = {1, 6}});
  client.Subscribe("q", "m", kFiltered);
  Happen({.key = "b", .position = {1, 7}});
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:rows[] event:PUT:a rows:ENTER:a event:PUT:b rows:ENTER:b");
  gateway_.reader.Answer({}, {{1, 7}});
  EXPECT_EQ(client.Heard(), "resp:q[]");
  Happen({.key = "c", .position = {1, 8}});
  EXPECT_EQ(client.Heard(), "event:PUT:c rows:ENTER:c");
}

TEST_F(FanOutEventsTest, WhoMayNotReadIsToldNothingUntilItMay) {
  gateway_.access.Deny(Action::kRead, "m");
  QueryClient client(gateway_);
  client.Subscribe("q", "m", kFiltered);
  EXPECT_EQ(client.Heard(), "error:403");
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "");
  gateway_.access.Allow(Action::kRead, "m");
  gateway_.gate.OnPoliciesChanged();
  gateway_.turns.Run();
  Happen({.key = "b"});
  EXPECT_EQ(client.Heard(), "event:PUT:b");
  gateway_.reader.Answer({}, {{1, 10}});
  EXPECT_EQ(client.Heard(), "resp:q[]");
}

}  // namespace
}  // namespace topgun::gateway
