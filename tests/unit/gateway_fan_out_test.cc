// Live queries: snapshots and the changes around them (features.md 1.1, 1.10; core.md 6).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "gateway_fan_out_fixture.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Client = QueryClient;

TEST_F(FanOutTest, TheSnapshotWaitsForTheInterestToBeConfirmed) {
  gateway_.source.confirmed = 0;
  Client client(gateway_);
  client.Subscribe("q");
  EXPECT_TRUE(gateway_.source.interest.contains("m"));
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.source.confirmed = 1;
  gateway_.fan_out.OnProgress();
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.reader.Answer({{"a", "\x01"}, {"b", "\x02"}}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:q[a b]");
}

TEST_F(FanOutTest, ReadsWaitForTheConnectionsOwnWrites) {
  Client client(gateway_);
  client.Write("k");
  client.Subscribe("q");
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.sink.Answer(gateway_.table);
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
}

TEST_F(FanOutTest, AQueryThatIsGivenUpWhileItWaitsIsForgotten) {
  Client client(gateway_);
  client.Write("k");
  client.Subscribe("q");
  client.Unsubscribe("q");
  gateway_.sink.Answer(gateway_.table);
  EXPECT_TRUE(gateway_.reader.reads.empty());
}

TEST_F(FanOutTest, RowsEnterUpdateAndLeave) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  Happen({.key = "a", .was_live = true});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:UPDATE:a");
  Happen({.key = "a", .was_live = true, .tombstone = true});
  EXPECT_EQ(client.Heard(), "event:REMOVE:a q:LEAVE:a");
  Happen({.key = "a", .tombstone = true});
  EXPECT_EQ(client.Heard(), "event:REMOVE:a");
  Happen({.key = "a", .was_live = true, .ttl_ms = 50});  // expired already
  EXPECT_EQ(client.Heard(), "event:PUT:a q:LEAVE:a");
}

TEST_F(FanOutTest, OrCellsAreEventsOnly) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "a", .tag = "t"});
  Happen({.key = "a", .tombstone = true, .tag = "t"});
  EXPECT_EQ(client.Heard(), "event:OR_ADD:a event:OR_REMOVE:a");
}

TEST_F(FanOutTest, TheWriterIsLeftOutUnlessTheClusterChangedItsStamp) {
  Client writer(gateway_);
  Client other(gateway_);
  writer.Subscribe("q");
  other.Subscribe("q");
  gateway_.reader.Answer({}, {{1, 5}});
  gateway_.reader.Answer({}, {{1, 5}});
  writer.Write("a");
  writer.Heard();
  other.Heard();
  Happen({.key = "a", .origin = writer.origin});
  EXPECT_EQ(writer.Heard(), "");
  EXPECT_EQ(other.Heard(), "event:PUT:a q:ENTER:a");
  Happen({.key = "a", .origin = writer.origin, .was_live = true, .tell_origin = true});
  EXPECT_EQ(writer.Heard(), "event:PUT:a");
}

// core.md 4.1, echo adoption: the writer may have taken the timestamp of the other's event over.
TEST_F(FanOutTest, WritersAreToldOfValuesThatWereToldBefore) {
  Client writer(gateway_);
  Settle(writer);
  writer.Write("a");
  writer.Heard();
  Happen({.key = "a", .position = {1, 6}});
  EXPECT_EQ(writer.Heard(), "event:PUT:a q:ENTER:a");
  Happen({.key = "a", .position = {1, 7}, .origin = writer.origin, .tombstone = true});
  EXPECT_EQ(writer.Heard(), "");
  Happen({.key = "a", .position = {1, 8}, .origin = writer.origin});
  EXPECT_EQ(writer.Heard(), "event:PUT:a");
  Happen({.key = "b", .position = {1, 9}, .origin = writer.origin});
  EXPECT_EQ(writer.Heard(), "") << "of another key";
}

TEST_F(FanOutTest, WritersAreToldOfValuesThatFollowedTheSnapshot) {
  Client writer(gateway_);
  writer.Subscribe("q");
  writer.Write("a");
  Happen({.key = "a", .position = {1, 6}});
  Happen({.key = "a", .position = {1, 7}, .origin = writer.origin});
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(writer.Heard(), "resp:q[] event:PUT:a q:ENTER:a event:PUT:a");
}

TEST(ToldValuesTest, RemembersTheLatestAndForgetsTheRest) {
  ToldValues told(10);
  for (uint64_t i = 0; i < 1000; ++i) {
    told.Add(i);
    EXPECT_LE(told.size(), 20);
    for (uint64_t back = 0; back <= std::min<uint64_t>(i, 9); ++back) {
      EXPECT_TRUE(told.Contains(i - back));
    }
  }
  EXPECT_FALSE(told.Contains(0));
}

TEST_F(FanOutTest, ChangesDuringTheReadComeBehindItAndOnlyWhatIsBeyondIt) {
  Client client(gateway_);
  client.Subscribe("q");
  Happen({.key = "in", .position = {1, 5}});
  Happen({.key = "beyond", .position = {1, 6}});
  Happen({.key = "next incarnation", .position = {2, 1}});
  EXPECT_EQ(client.Heard(), "");
  gateway_.reader.Answer({{"in", "\x01"}}, {{1, 5}});
  EXPECT_EQ(client.Heard(),
            "resp:q[in] event:PUT:beyond q:ENTER:beyond "
            "event:PUT:next incarnation q:ENTER:next incarnation");
}

TEST_F(FanOutTest, AWatchThatLagsBehindTheSnapshotDoesNotRepeatIt) {
  Client client(gateway_);
  Settle(client);
  Happen({.key = "old", .position = {1, 5}});
  EXPECT_EQ(client.Heard(), "");
  Happen({.key = "other shard", .position = {1, 1}, .shard = 1});
  EXPECT_EQ(client.Heard(), "event:PUT:other shard q:ENTER:other shard");
}

TEST_F(FanOutTest, TwoQueriesOfAConnectionShareTheEvent) {
  Client client(gateway_);
  Settle(client);
  client.Subscribe("r");
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:r[] r:ENTER:a");
  Happen({.key = "b", .position = {1, 11}});
  EXPECT_EQ(client.Heard(), "event:PUT:b q:ENTER:b r:ENTER:b");
}

TEST_F(FanOutTest, TheSameIdReplacesAndUnsubscribingEnds) {
  Client client(gateway_);
  Settle(client);
  client.Subscribe("q");
  gateway_.reader.Answer({{"x", "\x01"}}, {{1, 9}});
  EXPECT_EQ(client.Heard(), "resp:q[x]");
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  client.Unsubscribe("q");
  Happen({.key = "b"});
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(FanOutTest, WaitingQueriesOfAMapShareOneRead) {
  Client first(gateway_);
  first.Subscribe("q");  // its read is on its way
  Client second(gateway_);
  Client third(gateway_);
  second.Subscribe("q");
  third.Subscribe("q");
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(gateway_.reader.reads.size(), 1U);
  EXPECT_EQ(second.Heard(), "");
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(second.Heard(), "resp:q[]");
  EXPECT_EQ(third.Heard(), "resp:q[]");
  EXPECT_EQ(first.Heard(), "resp:q[]");
}

TEST_F(FanOutTest, AGapReadsAgainWhileChangesGoOn) {
  Client client(gateway_);
  Settle(client);
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnGap(1);
  gateway_.fan_out.OnProgress();
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  Happen({.key = "a"});
  EXPECT_EQ(client.Heard(), "event:PUT:a q:ENTER:a");
  const uint64_t stream = client.session.last_stream;
  gateway_.reader.Answer({{"healed", "\x01"}}, {{1, 9}});
  EXPECT_NE(client.session.last_stream, stream) << "or the update might come before the rows";
  // The row set is replaced, so the change beyond it is told once more; the event is not.
  EXPECT_EQ(client.Heard(), "resp:q[healed] q:ENTER:a");
}

TEST_F(FanOutTest, AGapDuringAReadMakesItWorthless) {
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.fan_out.OnGap(0);
  gateway_.fan_out.OnProgress();
  gateway_.reader.Answer({{"stale", "\x01"}}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "");
  gateway_.reader.Answer({{"fresh", "\x01"}}, {{1, 9}});
  EXPECT_EQ(client.Heard(), "resp:q[fresh]");
}

TEST(FanOutLimitTest, TooManyKeptChangesReadAgain) {
  DispatchHarness gateway(false, {}, {.kept_bytes_max = 200});
  Client client(gateway);
  client.Subscribe("q");
  state::CellView cell;
  cell.value = "\x01";
  const std::string bytes = state::EncodeCell(cell);
  for (uint64_t n = 10; n < 20; ++n) {
    gateway.fan_out.OnChange({.map = "m", .key = "k", .cell = bytes, .position = {1, n}});
  }
  gateway.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "");
  gateway.reader.Answer({{"k", "\x01"}}, {{1, 19}});
  EXPECT_EQ(client.Heard(), "resp:q[k]");
}

TEST(FanOutLimitTest, SubscriptionsAreLimited) {
  DispatchHarness gateway(false, {}, {.subscriptions_max = 2});
  Client client(gateway);
  client.Subscribe("1");
  client.Subscribe("2");
  client.Subscribe("3");
  EXPECT_EQ(client.Heard(), "error:429");
}

TEST_F(FanOutTest, AFailedReadIsToldAndTriedAgain) {
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.reader.Fail();
  EXPECT_EQ(client.Heard(), "error:503");
  gateway_.Tick(milliseconds(500));
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.Tick(seconds(1));
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.reader.Answer({}, {{1, 5}});
  EXPECT_EQ(client.Heard(), "resp:q[]");
}

TEST_F(FanOutTest, InterestThatIsNotConfirmedIsTold) {
  gateway_.source.confirmed = 0;
  Client client(gateway_);
  client.Subscribe("q");
  gateway_.Tick(seconds(29));
  EXPECT_EQ(client.Heard(), "");
  gateway_.Tick(seconds(2));
  EXPECT_EQ(client.Heard(), "error:503");
}

TEST_F(FanOutTest, InterestEndsSomeTimeAfterTheLastSubscriber) {
  {
    Client client(gateway_);
    Settle(client);
  }
  gateway_.Tick(seconds(4));
  EXPECT_TRUE(gateway_.source.interest.contains("m"));
  gateway_.Tick(seconds(2));
  EXPECT_FALSE(gateway_.source.interest.contains("m"));
}

TEST_F(FanOutTest, AReadThatOutlivesItsSubscribersIsIgnored) {
  {
    Client client(gateway_);
    client.Subscribe("q");
  }
  gateway_.Tick(seconds(6));
  gateway_.reader.Answer({}, {{1, 5}});
}

}  // namespace
}  // namespace topgun::gateway
