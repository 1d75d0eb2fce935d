// Subscriptions of the journal that begin in the past, and gaps in the watch stream.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway_journal_fixture.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class JournalReplayTest : public GatewayJournalTest {
 protected:
  explicit JournalReplayTest(const JournalOptions& options = {}) : GatewayJournalTest(options) {}
};

TEST_F(JournalReplayTest, WhatIsRetainedComesFirst) {
  JournalClient client(gateway_);
  client.SubscribeFrom("0", "m");
  ASSERT_EQ(reader().reads.size(), 1U);
  EXPECT_EQ(reader().query().map, "m");
  EXPECT_EQ(reader().query().from, state::JournalSequence());
  EXPECT_TRUE(reader().query().upto.empty());
  auto first = AnswerOf({{.key = "a", .n = 1}, {.key = "b", .n = 2}}, {{1, 4}, {1, 9}});
  first->next = state::JournalSequence{77, 0, 0, 0};
  reader().Answer(first);
  EXPECT_EQ(client.Heard(), "m:a m:b");
  EXPECT_EQ(reader().query().from.commit_ms, 77U);
  EXPECT_EQ(reader().query().upto, first->positions) << "all as of the first page";
  reader().Answer(AnswerOf({{.key = "c", .n = 4}}, {{1, 4}, {1, 9}}));
  EXPECT_EQ(client.Heard(), "m:c");
  EXPECT_TRUE(reader().reads.empty());
  Happen({.key = "d", .n = 5, .ms = 1});
  Settle();
  EXPECT_EQ(client.Heard(), "m:d");
  EXPECT_EQ(Metric(R"(gateway_journal_events_total{way="replayed"})"), 3);
}

TEST_F(JournalReplayTest, BeginsOnceTheChangesAreReportedAndOwnWritesAreDone) {
  gateway_.source.confirmed = 0;
  JournalClient client(gateway_);
  client.Write("a");
  client.SubscribeFrom("0");
  EXPECT_TRUE(reader().reads.empty());
  gateway_.sink.Answer(gateway_.written);
  EXPECT_TRUE(reader().reads.empty());
  gateway_.source.confirmed = gateway_.source.last_id;
  gateway_.system_maps.OnProgress();
  EXPECT_EQ(reader().reads.size(), 1U);
}

TEST_F(JournalReplayTest, WhatHappensMeanwhileFollowsWithoutHolesOrRepetitions) {
  JournalClient client(gateway_);
  client.SubscribeFrom("0");
  Happen({.key = "a", .n = 4, .ms = 1});               // the page includes it
  Happen({.key = "b", .shard = 1, .n = 10, .ms = 2});  // it does not include this
  Settle();
  Happen({.key = "c", .n = 5, .ms = 3});                // this one neither; it is still held back
  Happen({.key = "old", .shard = 1, .n = 9, .ms = 4});  // the page includes it
  EXPECT_EQ(client.Heard(), "");
  reader().Answer(
      AnswerOf({{.key = "a", .n = 4, .ms = 1}, {.key = "old", .shard = 1, .n = 9, .ms = 4}},
               {{1, 4}, {1, 9}}));
  EXPECT_EQ(client.Heard(), "m:a m:old m:b");
  Settle();
  EXPECT_EQ(client.Heard(), "m:c");
}

TEST_F(JournalReplayTest, IsFilteredLikeWhatHappens) {
  gateway_.access.Deny(Action::kRead, "secret");
  JournalClient client(gateway_);
  client.Subscribe({.request_id = "s",
                    .from_sequence = "0",
                    .map = {},
                    .types = static_cast<uint8_t>(wire::JournalType::kDelete)});
  reader().Answer(AnswerOf({{.key = "a", .n = 1},
                            {.key = "b", .n = 2, .tombstone = true},
                            {.key = "c", .map = "secret", .n = 3, .tombstone = true}},
                           {{1, 4}}));
  EXPECT_EQ(client.Heard(), "-m:b");
}

TEST_F(JournalReplayTest, IsNotRepeatedToAnotherSubscriptionOfTheConnection) {
  JournalClient client(gateway_);
  client.SubscribeTo("m", "live");
  client.SubscribeFrom("0", {}, "replayed");
  Happen({.key = "a", .n = 5});
  Settle();
  EXPECT_EQ(client.Heard(), "m:a");
  reader().Answer(AnswerOf({}, {{1, 4}}));
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(JournalReplayTest, WaitsForASlowPeer) {
  JournalClient client(gateway_);
  client.SubscribeFrom("0");
  client.session.queued = size_t{1} << 20;
  auto page = AnswerOf({{.key = "a", .n = 1}}, {{1, 4}});
  page->next = state::JournalSequence{77, 0, 0, 0};
  reader().Answer(page);
  EXPECT_TRUE(reader().reads.empty());
  gateway_.Tick(seconds(40));
  EXPECT_EQ(client.Heard(), "m:a") << "and no complaint";
  client.session.queued = 0;
  gateway_.Tick();
  EXPECT_EQ(reader().reads.size(), 1U);
}

TEST_F(JournalReplayTest, TriesAgainAndSaysThatItWaits) {
  JournalClient client(gateway_);
  client.SubscribeFrom("0");
  reader().Fail();
  EXPECT_TRUE(reader().reads.empty());
  gateway_.Tick(milliseconds(1'100));
  ASSERT_EQ(reader().reads.size(), 1U);
  reader().Fail();
  EXPECT_EQ(client.Heard(), "");
  gateway_.Tick(seconds(31));
  EXPECT_EQ(client.Heard(), "error:503");
  reader().Answer(AnswerOf({{.key = "a", .n = 1}}, {{1, 4}}));
  EXPECT_EQ(client.Heard(), "m:a");
}

TEST_F(JournalReplayTest, EndsWithItsSubscription) {
  JournalClient client(gateway_);
  client.SubscribeFrom("0");
  client.Unsubscribe();
  reader().Answer(AnswerOf({{.key = "a", .n = 1}}, {{1, 4}}));
  EXPECT_EQ(client.Heard(), "");
}

class SmallReplayTest : public JournalReplayTest {
 protected:
  SmallReplayTest() : JournalReplayTest({.kept_bytes_max = 400}) {}
};

TEST_F(SmallReplayTest, ReadsAgainWhenTooMuchHappensBehindIt) {
  JournalClient client(gateway_);
  client.SubscribeFrom("0");
  for (uint64_t n = 5; n < 10; ++n) Happen({.key = "k" + std::to_string(n), .n = n, .ms = 1});
  Settle();
  reader().Answer(AnswerOf({{.key = "a", .n = 4}}, {{1, 4}, {1, 9}}));
  EXPECT_EQ(client.Heard(), "m:a");
  ASSERT_EQ(reader().reads.size(), 1U) << "what was kept is not all";
  EXPECT_EQ(reader().query().from.commit_ms, kJournalNow - 5'000);
  EXPECT_TRUE(reader().query().upto.empty());
  Happen({.key = "later", .n = 11, .ms = 2});
  Settle();
  reader().Answer(AnswerOf({{.key = "a", .n = 4}, {.key = "k5", .n = 5}, {.key = "k9", .n = 9}},
                           {{1, 10}, {1, 9}}));
  EXPECT_EQ(client.Heard(), "m:k5 m:k9 m:later") << "what was told before is not told again";
  EXPECT_EQ(Metric("gateway_journal_replays_restarted_total"), 1);
}

// ---- Gaps ----

class JournalGapTest : public GatewayJournalTest {
 protected:
  explicit JournalGapTest(const JournalOptions& options = {}) : GatewayJournalTest(options) {}
  // A client that has heard of events of both shards.
  void Begin(JournalClient& client) {
    client.SubscribeTo({});
    Happen({.key = "a", .shard = 0, .n = 10, .ms = 10});
    Happen({.key = "b", .shard = 1, .n = 20, .ms = 20});
    Settle();
    EXPECT_EQ(client.Heard(), "m:a m:b");
  }
};

TEST_F(JournalGapTest, WhatWasMissedIsReadBackAndTakesItsPlace) {
  JournalClient client(gateway_);
  Begin(client);
  gateway_.system_maps.OnGap(0);
  Happen({.key = "f", .shard = 0, .n = 14, .ms = 60});
  Happen({.key = "d", .shard = 1, .n = 21, .ms = 40});
  for (int i = 0; i < 5; ++i) gateway_.Tick();
  EXPECT_EQ(client.Heard(), "") << "nothing is told before";
  ASSERT_EQ(reader().reads.size(), 1U);
  EXPECT_EQ(reader().query().from.commit_ms, kJournalNow + 10);
  auto page = AnswerOf({{.key = "a", .shard = 0, .n = 10, .ms = 10},
                        {.key = "b", .shard = 1, .n = 20, .ms = 20},
                        {.key = "c", .shard = 0, .n = 12, .ms = 30},
                        {.key = "d", .shard = 1, .n = 21, .ms = 40}},
                       {{1, 14}, {1, 21}});
  page->next = state::JournalSequence{kJournalNow + 41, 0, 0, 0};
  reader().Answer(page);
  EXPECT_EQ(reader().query().upto, page->positions);
  reader().Answer(AnswerOf(
      {{.key = "e", .shard = 0, .n = 13, .ms = 50}, {.key = "f", .shard = 0, .n = 14, .ms = 60}},
      page->positions));
  Settle();
  EXPECT_EQ(client.Heard(), "m:c m:d m:e m:f");
  EXPECT_EQ(Metric(R"(gateway_journal_gaps_total{result="healed"})"), 1);
  EXPECT_EQ(Metric("gateway_journal_late_total"), 0);
}

TEST_F(JournalGapTest, OfWhatIsReadBackNothingIsOlderThanTheSubscription) {
  gateway_.clock.Set(kJournalNow);
  JournalClient early(gateway_);
  early.SubscribeTo({});
  gateway_.clock.Set(kJournalNow + 100);
  JournalClient late(gateway_);
  late.SubscribeTo({});
  gateway_.system_maps.OnGap(0);
  gateway_.Tick();
  EXPECT_EQ(reader().query().from.commit_ms, kJournalNow) << "no event of the shard was seen";
  reader().Answer(AnswerOf({{.key = "a", .n = 1, .ms = 50}, {.key = "b", .n = 2, .ms = 150}}));
  Settle();
  EXPECT_EQ(early.Heard(), "m:a m:b");
  EXPECT_EQ(late.Heard(), "m:b");
}

TEST_F(JournalGapTest, AGapThatCannotBeReadIsGivenUp) {
  JournalClient client(gateway_);
  Begin(client);
  gateway_.system_maps.OnGap(0);
  Happen({.key = "c", .shard = 1, .n = 21, .ms = 40});
  gateway_.Tick();
  reader().Fail();
  Settle();
  EXPECT_EQ(client.Heard(), "m:c");
  EXPECT_EQ(Metric(R"(gateway_journal_gaps_total{result="lost"})"), 1);
}

TEST_F(JournalGapTest, AGapThatTakesTooLongIsGivenUp) {
  JournalClient client(gateway_);
  Begin(client);
  gateway_.system_maps.OnGap(0);
  Happen({.key = "c", .shard = 1, .n = 21, .ms = 40});
  gateway_.Tick();
  gateway_.Tick(seconds(31));
  Settle();
  EXPECT_EQ(client.Heard(), "m:c");
  reader().Answer(AnswerOf({{.key = "late", .shard = 0, .n = 12, .ms = 30}}));
  Settle();
  EXPECT_EQ(client.Heard(), "");
}

TEST_F(JournalGapTest, AGapThatIsTooLargeIsGivenUp) {
  JournalClient client(gateway_);
  Begin(client);
  gateway_.system_maps.OnGap(0);
  gateway_.Tick();
  std::vector<Written> page(1'000, Written{.key = "x", .shard = 1, .n = 15});
  auto answer = AnswerOf(page);
  answer->next = state::JournalSequence{kJournalNow + 11, 0, 0, 0};
  int reads = 0;
  for (; !reader().reads.empty(); ++reads) reader().Answer(answer);
  EXPECT_EQ(reads, 21);
  EXPECT_EQ(Metric(R"(gateway_journal_gaps_total{result="lost"})"), 1);
}

class SmallHoldTest : public JournalGapTest {
 protected:
  SmallHoldTest() : JournalGapTest({.held_bytes_max = 400}) {}
};

TEST_F(SmallHoldTest, WhatWaitsForAGapIsLimited) {
  JournalClient client(gateway_);
  Begin(client);
  gateway_.system_maps.OnGap(0);
  for (uint64_t n = 21; n < 25; ++n) {
    Happen({.key = "k", .shard = 1, .n = n, .ms = static_cast<int64_t>(n)});
  }
  gateway_.Tick();
  EXPECT_NE(client.Heard(), "");
  EXPECT_EQ(Metric(R"(gateway_journal_gaps_total{result="lost"})"), 1);
  EXPECT_EQ(Metric("gateway_journal_overfull_total"), 1);
}

TEST_F(JournalGapTest, NothingIsReadForNobody) {
  JournalClient client(gateway_);
  gateway_.system_maps.OnGap(0);
  Settle();
  EXPECT_TRUE(reader().reads.empty());
  client.SubscribeTo("m");
  gateway_.system_maps.OnGap(0);
  client.Unsubscribe();
  Settle();
  EXPECT_TRUE(reader().reads.empty());
}

}  // namespace
}  // namespace topgun::gateway
