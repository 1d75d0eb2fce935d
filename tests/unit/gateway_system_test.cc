// The cluster's own maps: mirrors in memory, and writes that are newer than what they replace.
#include <gtest/gtest.h>

#include "gateway_fakes.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

std::string MirrorCell(std::string_view value, bool tombstone = false, int64_t millis = 1) {
  return state::EncodeCell({.version = {},
                            .commit_ms = 1,
                            .timestamp = {millis, 0, "n"},
                            .tombstone = tombstone,
                            .has_ttl = false,
                            .ttl_ms = 0,
                            .value = value});
}

class MapMirrorTest : public testing::Test {
 protected:
  MapMirrorTest() {
    mirror.Observe([this] { ++changes; });
    mirror.Tick(now);
  }

  void Change(std::string_view key, std::string cell, uint64_t n) {
    mirror.OnChange({.map = "_topgun_policies",
                     .kind = state::CellKind::kLww,
                     .key = key,
                     .cell = cell,
                     .shard = 0,
                     .position = {1, n}});
  }

  support::ManualClock clock{1'700'000'000'000};
  FakeSource source;
  FakeReader reader;
  MapMirror mirror{"_topgun_policies", source, reader, clock};
  MapMirror::Time now = std::chrono::steady_clock::now();
  int changes = 0;
};

TEST_F(MapMirrorTest, ReadsOnceItsInterestIsConfirmed) {
  source.confirmed = 0;
  mirror.Start();
  EXPECT_TRUE(source.interest.contains("_topgun_policies"));
  EXPECT_TRUE(reader.reads.empty());
  source.confirmed = 1;
  mirror.OnProgress();
  ASSERT_EQ(reader.reads.size(), 1U);
  EXPECT_FALSE(mirror.loaded());
  reader.Answer({{"a", "\x01"}}, {{1, 5}});
  EXPECT_TRUE(mirror.current());
  EXPECT_EQ(mirror.rows(), (MapMirror::Rows{{"a", "\x01"}}));
  EXPECT_EQ(changes, 1);
}

TEST_F(MapMirrorTest, FollowsChangesBeyondTheSnapshot) {
  mirror.Start();
  Change("a", MirrorCell("\x02"), 5);  // the snapshot includes it
  Change("b", MirrorCell("\x03"), 6);  // it does not include this
  reader.Answer({{"a", "\x07"}}, {{1, 5}});
  EXPECT_EQ(mirror.rows(), (MapMirror::Rows{{"a", "\x07"}, {"b", "\x03"}}));
  const uint64_t version = mirror.version();
  Change("a", MirrorCell({}, true), 7);
  EXPECT_EQ(mirror.rows(), (MapMirror::Rows{{"b", "\x03"}}));
  EXPECT_GT(mirror.version(), version);
}

TEST_F(MapMirrorTest, ReadsAgainAfterAGapAndAfterAFailure) {
  mirror.Start();
  reader.Answer({{"a", "\x01"}}, {{1, 5}});
  mirror.OnGap();
  EXPECT_TRUE(mirror.loaded());
  EXPECT_FALSE(mirror.current());
  mirror.OnProgress();
  ASSERT_EQ(reader.reads.size(), 1U);
  reader.Fail();
  EXPECT_TRUE(reader.reads.empty());
  mirror.Tick(now + MapMirror::kReadRetry);
  ASSERT_EQ(reader.reads.size(), 1U);
  mirror.OnGap();  // what is being read is too old already
  reader.Answer({{"a", "\x02"}}, {{1, 6}});
  EXPECT_FALSE(mirror.current());
  reader.Answer({{"a", "\x03"}}, {{2, 1}});
  EXPECT_TRUE(mirror.current());
  EXPECT_EQ(mirror.rows(), (MapMirror::Rows{{"a", "\x03"}}));
}

TEST_F(MapMirrorTest, ReadsAgainWhenTooManyChangesArriveMeanwhile) {
  mirror.Start();
  for (size_t i = 0; i <= MapMirror::kKeptMax; ++i) Change("a", MirrorCell("\x02"), 6 + i);
  reader.Answer({}, {{1, 5}});
  EXPECT_FALSE(mirror.loaded());
  reader.Answer({{"a", "\x02"}}, {{1, 50'000}});
  EXPECT_EQ(mirror.rows(), (MapMirror::Rows{{"a", "\x02"}}));
}

TEST(SystemMapsTest, KeepsReservedMapsAwayFromLiveQueries) {
  DispatchHarness harness;
  harness.system_maps.Start();
  ASSERT_EQ(harness.reader.reads.size(), 4U);
  harness.reader.Answer({}, {{1, 5}});
  const std::string cell = MirrorCell("\x01");
  harness.system_maps.OnChange({.map = "_topgun_policies",
                                .kind = state::CellKind::kLww,
                                .key = "p",
                                .cell = cell,
                                .shard = 0,
                                .position = {1, 6}});
  EXPECT_TRUE(harness.system_maps.policies().rows().contains("p"));
  EXPECT_FALSE(harness.system_maps.nodes().loaded());
}

class SystemStoreTest : public testing::Test {
 protected:
  void Put() {
    harness.system_store.Put("_topgun_policies", "p", "\x01", 0,
                             [this](const Status& status) { done.push_back(status); });
  }

  DispatchHarness harness;
  std::vector<Status> done;
};

TEST_F(SystemStoreTest, StampsNewerThanTheRowItReplaces) {
  const int64_t future = harness.clock.NowMs() + 30'000;
  harness.cells.cells[{"_topgun_policies", "p"}] = MirrorCell("\x02", false, future);
  Put();
  harness.cells.Answer();
  ASSERT_EQ(harness.sink.submitted.size(), 1U);
  const FakeSink::Submitted& written = harness.sink.submitted.front();
  EXPECT_EQ(written.kind, wire::OpKind::kPut);
  EXPECT_EQ(written.value, "\x01");
  EXPECT_GT(written.timestamp, crdt::Timestamp(future, 0, "n"));
  EXPECT_EQ(written.timestamp.node_id, "gateway-0");
  EXPECT_TRUE(done.empty());
  harness.sink.Answer(harness.written);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_TRUE(done[0].ok());
  EXPECT_EQ(harness.system_store.waiting(), 0U);
}

TEST_F(SystemStoreTest, ReportsAReadThatFailsAndAWriteThatIsRefused) {
  Put();
  harness.cells.Fail();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_FALSE(done[0].ok());
  EXPECT_TRUE(harness.sink.submitted.empty());
  Put();
  harness.cells.Answer();
  harness.sink.Answer(harness.written, OpOutcome::kOverloaded);
  ASSERT_EQ(done.size(), 2U);
  EXPECT_FALSE(done[1].ok());
}

TEST_F(SystemStoreTest, RefusesWhenTooManyWait) {
  for (size_t i = 0; i <= SystemStore::kWaitingMax; ++i) Put();
  EXPECT_TRUE(done.empty());
  harness.turns.Run();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_FALSE(done[0].ok());
  EXPECT_EQ(harness.system_store.waiting(), SystemStore::kWaitingMax);
}

}  // namespace
}  // namespace topgun::gateway
