// Rows that leave live queries when their TTL passes (core.md 4.1, features.md 1.10).
#include <gtest/gtest.h>

#include <string>

#include "dispatch/expiry_queue.h"
#include "gateway_fan_out_fixture.h"

namespace topgun::gateway {
namespace {

using Client = QueryClient;
using std::chrono::milliseconds;

constexpr int64_t kStart = 1'700'000'000'000;  // the harness' clock
// What a Happening with this TTL needs to be hidden at kStart + 100 ms: its record is 100 ms old.
constexpr double kTtl = 200;

class ExpiryQueueTest : public ::testing::Test {
 protected:
  std::string PopAll(int64_t now_ms) {
    std::string keys;
    while (const auto key = queue_.PopHidden(now_ms)) keys += *key;
    return keys;
  }

  ExpiryBudget budget_{.bytes_max = 3 * 170};
  ExpiryQueue queue_{budget_};
};

TEST_F(ExpiryQueueTest, HidesStrictlyAfterTheTimeAndInItsOrder) {
  queue_.Set("b", 20);
  queue_.Set("a", 10);
  EXPECT_EQ(PopAll(10), "");
  EXPECT_EQ(PopAll(11), "a");
  EXPECT_EQ(PopAll(100), "b");
  EXPECT_EQ(budget_.bytes, 0U);
}

TEST_F(ExpiryQueueTest, TheLatestTimeOfAKeyCounts) {
  queue_.Set("a", 10);
  queue_.Set("a", 30);
  queue_.Set("b", 30);
  EXPECT_TRUE(queue_.Cancel("b"));
  EXPECT_FALSE(queue_.Cancel("b"));
  EXPECT_EQ(PopAll(20), "");
  EXPECT_EQ(PopAll(40), "a");
  EXPECT_EQ(budget_.rows, 0U);
}

TEST_F(ExpiryQueueTest, BeyondTheBudgetTheLastToExpireIsGivenUpButItsTimeIsNot) {
  queue_.Set("a", 10);
  queue_.Set("d", 40);
  queue_.Set("c", 30);
  queue_.Set("b", 20);  // pushes d out
  queue_.Set("e", 50);  // does not fit
  EXPECT_EQ(budget_.rows, 3U);
  EXPECT_FALSE(queue_.TakeOverflow(40));
  EXPECT_EQ(PopAll(100), "abc");
  EXPECT_TRUE(queue_.TakeOverflow(41));
  EXPECT_FALSE(queue_.TakeOverflow(100));
}

TEST_F(ExpiryQueueTest, QueuesShareTheBudgetAndGiveItBack) {
  {
    ExpiryQueue other(budget_);
    for (const char* key : {"a", "b", "c"}) other.Set(key, 10);
    queue_.Set("x", 10);
    EXPECT_TRUE(queue_.empty());
    EXPECT_TRUE(queue_.TakeOverflow(11));
  }
  queue_.Set("x", 10);
  EXPECT_EQ(queue_.size(), 1U);
  queue_.Clear();
  EXPECT_EQ(budget_.bytes, 0U);
}

class ExpiryTest : public FanOutTest {
 protected:
  // The wall clock moves on and the loop ticks.
  void Pass(int64_t ms) {
    gateway_.clock.Advance(ms);
    gateway_.Tick();
  }
};

TEST_F(ExpiryTest, AnEnteredRowLeavesWhenItsTtlHasPassed) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "a", .ttl_ms = kTtl});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  Pass(100);
  EXPECT_EQ(client.Heard(), "") << "hidden strictly after millis + ttl";
  Pass(1);
  EXPECT_EQ(client.Heard(), "q:LEAVE:a");
  Pass(1'000);
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(ExpiryTest, ARowOfTheSnapshotLeavesEveryQueryThatShowsIt) {
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.reader.Answer({{"a", "\x01"}, {"b", "\x01"}}, {{1, 5}}, {{"b", kStart + 50}});
  client.Subscribe("r");
  EXPECT_EQ(client.Heard(), "resp:q[a b]");
  Pass(51);  // r has no rows yet
  EXPECT_EQ(client.Heard(), "q:LEAVE:b");
  gateway_.reader.Answer({{"a", "\x01"}}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:r[a]");
}

TEST_F(ExpiryTest, TheWriterHearsOfItToo) {
  Client writer(gateway_);
  Settle(writer);
  writer.Write("a");
  Happen({.key = "a", .origin = writer.origin, .ttl_ms = kTtl});
  EXPECT_EQ(writer.Heard(), "");
  Pass(101);
  EXPECT_EQ(writer.Heard(), "q:LEAVE:a");
}

TEST_F(ExpiryTest, ANewerWriteReplacesOrEndsTheExpiry) {
  Client client(gateway_);
  Settle(client);
  for (const char* key : {"longer", "lasting", "removed"}) Happen({.key = key, .ttl_ms = kTtl});
  Happen({.key = "longer", .position = {1, 11}, .was_live = true, .ttl_ms = 500});
  Happen({.key = "lasting", .position = {1, 12}, .was_live = true});
  Happen({.key = "removed", .position = {1, 13}, .was_live = true, .tombstone = true});
  client.Heard();
  Pass(200);
  EXPECT_EQ(client.Heard(), "");
  Pass(300);
  EXPECT_EQ(client.Heard(), "q:LEAVE:longer");
}

TEST_F(ExpiryTest, ARowTheClusterSawExpireLeavesBeforeWhatReplacesIt) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "a", .ttl_ms = kTtl});
  Happen({.key = "b", .ttl_ms = kTtl});
  client.Heard();
  // The cluster's clock is a little ahead of ours.
  Happen({.key = "a", .position = {1, 11}, .was_live = false});
  EXPECT_EQ(client.Heard(), "q:LEAVE:a event:PUT:a q:ENTER:a");
  Happen({.key = "b", .position = {1, 12}, .was_live = false, .tombstone = true});
  EXPECT_EQ(client.Heard(), "q:LEAVE:b event:REMOVE:b");
  Pass(1'000);
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(ExpiryTest, ASnapshotKnowsBetterThanAChangeItIncludes) {
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.reader.Answer({{"a", "\x01"}}, {{1, 20}}, {{"a", kStart + 50}});
  Happen({.key = "a", .position = {1, 15}, .was_live = true});  // the watch lags behind
  EXPECT_EQ(client.Heard(), "resp:q[a]");
  Pass(51);
  EXPECT_EQ(client.Heard(), "q:LEAVE:a");
}

TEST_F(ExpiryTest, AChangeDuringTheReadKnowsBetterThanTheSnapshot) {
  Client client(gateway_);
  client.Subscribe("q");
  Happen({.key = "lasting", .position = {1, 6}, .was_live = true});
  Happen({.key = "shorter", .position = {1, 7}, .was_live = true, .ttl_ms = kTtl});
  gateway_.reader.Answer({{"lasting", "\x01"}, {"shorter", "\x01"}}, {{1, 5}},
                         {{"lasting", kStart + 50}, {"shorter", kStart + 5'000}});
  client.Heard();
  Pass(101);
  EXPECT_EQ(client.Heard(), "q:LEAVE:shorter");
}

TEST_F(ExpiryTest, ASnapshotAfterAGapEndsExpiriesOfRowsThatWereRewritten) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "a", .ttl_ms = kTtl});
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnProgress();
  gateway_.reader.Answer({{"a", "\x01"}}, {{1, 20}});
  client.Heard();
  Pass(1'000);
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(ExpiryTest, ALateSubscriberDoesNotHearOfRowsItNeverSaw) {
  Client early(gateway_);
  Settle(early);
  Happen({.key = "a", .ttl_ms = kTtl});
  early.Heard();
  Client late(gateway_);
  late.Subscribe("q");
  gateway_.clock.Advance(101);
  gateway_.reader.Answer({}, {{1, 20}});
  gateway_.Tick();
  EXPECT_EQ(early.Heard(), "q:LEAVE:a");
  EXPECT_EQ(late.Heard(), "resp:q[]");
}

TEST_F(ExpiryTest, NothingIsKeptForMapsThatNobodySubscribes) {
  {
    Client client(gateway_);
    Settle(client);
    Happen({.key = "a", .ttl_ms = kTtl});
  }
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.reader.Answer({{"a", "\x01"}}, {{1, 20}});
  EXPECT_EQ(client.Heard(), "resp:q[a]");
  Pass(1'000);
  EXPECT_EQ(client.Heard(), "");
}

TEST(ExpiryLimitTest, RowsBeyondTheLimitMakeTheMapBeReadAgainWhenTheyExpire) {
  DispatchHarness gateway(false, {}, {.expiry_bytes_max = 2 * 170});
  Client client(gateway);
  client.Subscribe("q");
  gateway.reader.Answer({{"a", "\x01"}, {"b", "\x01"}, {"c", "\x01"}}, {{1, 5}},
                        {{"a", kStart + 30}, {"b", kStart + 10}, {"c", kStart + 20}});
  EXPECT_EQ(client.Heard(), "resp:q[a b c]");
  gateway.clock.Advance(21);
  gateway.Tick();
  EXPECT_EQ(client.Heard(), "q:LEAVE:b q:LEAVE:c");
  EXPECT_TRUE(gateway.reader.reads.empty());
  gateway.clock.Advance(10);
  gateway.Tick();
  ASSERT_EQ(gateway.reader.reads.size(), 1U);
  gateway.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:q[]");
}

TEST(ExpiryLimitTest, ManyRowsThatExpireAtOnceLeaveOverSeveralTicks) {
  DispatchHarness gateway(false, {}, {.expired_per_tick = 2});
  Client client(gateway);
  client.Subscribe("q");
  gateway.reader.Answer({{"a", "\x01"}, {"b", "\x01"}, {"c", "\x01"}}, {{1, 5}},
                        {{"a", kStart + 10}, {"b", kStart + 10}, {"c", kStart + 10}});
  client.Heard();
  gateway.clock.Advance(11);
  gateway.Tick();
  EXPECT_EQ(client.Heard(), "q:LEAVE:a q:LEAVE:b");
  gateway.Tick();
  EXPECT_EQ(client.Heard(), "q:LEAVE:c");
}

}  // namespace
}  // namespace topgun::gateway
