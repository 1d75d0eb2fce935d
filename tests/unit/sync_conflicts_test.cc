// What became of different writes of one key: counted, and the losers remembered within bounds.
#include <gtest/gtest.h>

#include "domain/loser_log.h"
#include "domain/shard.h"
#include "support/manual_clock.h"
#include "sync_fakes.h"

namespace topgun::sync {
namespace {

constexpr int64_t kLostAt = 1'700'000'000'000;

LostWrite Lost(std::string_view map, std::string_view key, int64_t millis,
               std::string_view value = "v") {
  return {map, key, value, {millis, 1, "loser"}, {millis + 5, 2, "winner"}};
}

std::vector<std::string> Keys(const std::vector<Loser>& losers) {
  std::vector<std::string> keys;
  for (const Loser& loser : losers) keys.push_back(loser.key);
  return keys;
}

TEST(LoserLog, TellsWhatLostAgainstWhatNewestFirst) {
  LoserLog log({});
  log.Add(Lost("m", "a", 10, "first"), kLostAt);
  log.Add(Lost("m", "b", 20, ""), kLostAt + 1);
  log.Add(Lost("other", "c", 30), kLostAt + 2);
  const std::vector<Loser> losers = log.List("m");
  ASSERT_EQ(Keys(losers), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(losers[1].value, "first");
  EXPECT_EQ(losers[1].timestamp, crdt::Timestamp(10, 1, "loser"));
  EXPECT_EQ(losers[1].winner, crdt::Timestamp(15, 2, "winner"));
  EXPECT_EQ(losers[1].lost_at_ms, kLostAt);
  EXPECT_EQ(losers[1].ttl_ms, std::nullopt);
  EXPECT_EQ(log.List("unknown").size(), 0u);
  EXPECT_EQ(Keys(log.List("m", "a")), std::vector<std::string>{"a"}) << "of one key";
  EXPECT_EQ(log.List("m", "unknown").size(), 0u);
}

TEST(LoserLog, AWriteThatIsSentAgainIsRememberedOnce) {
  LoserLog log({});
  log.Add(Lost("m", "a", 10), kLostAt);
  log.Add(Lost("m", "a", 10), kLostAt + 9);
  log.Add(Lost("m", "a", 11), kLostAt + 9);
  EXPECT_EQ(log.List("m").size(), 2u);
}

TEST(LoserLog, KeepsTheLastOfEachMap) {
  LoserLog log({.per_map = 3, .maps = 10, .bytes_max = 1 << 20});
  for (int i = 0; i < 10; ++i) log.Add(Lost("m", std::to_string(i), i), kLostAt);
  log.Add(Lost("other", "kept", 1), kLostAt);
  EXPECT_EQ(Keys(log.List("m")), (std::vector<std::string>{"9", "8", "7"}));
  EXPECT_EQ(log.List("other").size(), 1u);
}

TEST(LoserLog, ForgetsTheOldestMap) {
  LoserLog log({.per_map = 3, .maps = 2, .bytes_max = 1 << 20});
  for (const char* map : {"a", "a", "b", "c"}) log.Add(Lost(map, map, kLostAt), kLostAt);
  EXPECT_EQ(log.map_count(), 2u);
  EXPECT_EQ(log.List("a").size(), 0u);
  EXPECT_EQ(log.List("c").size(), 1u);
}

TEST(LoserLog, StaysWithinItsBytes) {
  LoserLog log({.per_map = 1000, .maps = 1000, .bytes_max = 10'000});
  for (int i = 0; i < 1000; ++i) {
    log.Add(Lost("m" + std::to_string(i % 7), "k", i, std::string(200, 'v')), kLostAt);
    ASSERT_LE(log.bytes(), 10'000u);
  }
  EXPECT_EQ(log.List("m5")[0].timestamp.millis, 999) << "the newest are there";
  const uint64_t before = log.bytes();
  log.Add(Lost("m", "huge", 1, std::string(5'000, 'v')), kLostAt);
  EXPECT_EQ(log.bytes(), before) << "one write may not displace all others";
}

class ConflictsTest : public testing::Test {
 protected:
  ConflictsTest() {
    shard_.OnConnected();
    scheduler_.Advance(100);
  }

  void Put(std::string_view value, int64_t millis, std::string_view node = "a", double ttl_ms = 0) {
    WritePart part;
    part.maps = {"m"};
    part.origins = {""};
    WriteOp op;
    op.kind = value.empty() ? OpKind::kRemove : OpKind::kPut;
    op.key = "k";
    op.value = value;
    op.timestamp = {millis, 0, node};
    op.has_ttl = ttl_ms > 0;
    op.ttl_ms = ttl_ms;
    part.ops = {op};
    part.done = [](const WriteResult& result) { EXPECT_TRUE(result.status.ok()); };
    shard_.Submit(std::move(part));
    scheduler_.Advance(100);
  }
  double Count(const std::string& name) {
    const std::string text = registry_.Render();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  std::vector<Loser> Losers() { return shard_.losers().List("m"); }

  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  support::ManualClock wall_{kLostAt};
  crdt::HybridLogicalClock clock_{"sync", wall_};
  FakeRedis redis_;
  FakeOwner owner_{redis_, scheduler_};
  FakeStore store_{redis_, scheduler_};
  Shard shard_{0, {}, {store_, owner_, scheduler_, clock_, wall_, probe_}};
};

TEST_F(ConflictsTest, AStaleWriteOfSomethingElseIsALoser) {
  Put("new", kLostAt, "a");
  Put("old", kLostAt - 10, "b");
  ASSERT_EQ(Losers().size(), 1u);
  EXPECT_EQ(Losers()[0].value, "old");
  EXPECT_EQ(Losers()[0].timestamp, crdt::Timestamp(kLostAt - 10, 0, "b"));
  EXPECT_EQ(Losers()[0].winner, crdt::Timestamp(kLostAt, 0, "a"));
  Put("new", kLostAt - 20, "b");
  Put("new", kLostAt, "a");
  EXPECT_EQ(Losers().size(), 1u) << "the same value loses nothing";
  Put("", kLostAt - 30, "b");
  EXPECT_EQ(Losers()[0].value, "") << "a removal";
  EXPECT_EQ(Count("sync_merge_lost_writes_total"), 2);
  EXPECT_GT(Count("sync_loser_log_bytes"), 0);
}

TEST_F(ConflictsTest, ALoserKeepsItsTtl) {
  Put("new", kLostAt, "a");
  Put("old", kLostAt - 10, "b", 60'000);
  ASSERT_EQ(Losers().size(), 1u);
  EXPECT_EQ(Losers()[0].ttl_ms, 60'000);
}

TEST_F(ConflictsTest, StaleAndRepeatedWritesAreCounted) {
  Put("new", kLostAt, "a");
  Put("old", kLostAt - 10, "b");
  Put("new", kLostAt, "a");
  Put("new", kLostAt, "a");
  EXPECT_EQ(Count("sync_merge_ops_total{outcome=\"applied\"}"), 1);
  EXPECT_EQ(Count("sync_merge_ops_total{outcome=\"stale\"}"), 1);
  EXPECT_EQ(Count("sync_merge_ops_total{outcome=\"duplicate\"}"), 2);
}

TEST_F(ConflictsTest, ACollisionLosesWhatWasThereFirst) {
  Put("first", kLostAt);
  Put("second", kLostAt);
  ASSERT_EQ(Losers().size(), 1u);
  EXPECT_EQ(Losers()[0].value, "first");
  EXPECT_EQ(Losers()[0].timestamp, crdt::Timestamp(kLostAt, 0, "a"));
  EXPECT_EQ(Losers()[0].winner.node_id, "sync");
  EXPECT_EQ(Count("sync_merge_collisions_total"), 1);
  EXPECT_EQ(Count("sync_merge_clocks_clamped_total"), 0);
  Put("second", kLostAt);
  EXPECT_EQ(Losers().size(), 1u) << "sent again";
  EXPECT_EQ(Count("sync_merge_collisions_total"), 1);
}

TEST_F(ConflictsTest, ClocksFarAheadAreCounted) {
  Put("v", kLostAt + 2 * crdt::kDriftMaxMs);
  EXPECT_EQ(Count("sync_merge_clocks_clamped_total"), 1);
  EXPECT_EQ(Count("sync_merge_collisions_total"), 0);
  EXPECT_EQ(Losers().size(), 0u);
}

TEST_F(ConflictsTest, OverwritesAreThoseOfAnotherNodesLiveRecord) {
  Put("1", kLostAt, "a");
  Put("2", kLostAt + 1, "a");
  EXPECT_EQ(Count("sync_merge_overwrites_total"), 0) << "its own";
  Put("3", kLostAt + 2, "b");
  EXPECT_EQ(Count("sync_merge_overwrites_total"), 1);
  Put("3", kLostAt + 3, "a");
  EXPECT_EQ(Count("sync_merge_overwrites_total"), 1) << "the same value";
  Put("", kLostAt + 4, "b");
  EXPECT_EQ(Count("sync_merge_overwrites_total"), 2) << "a removal";
  Put("4", kLostAt + 5, "a");
  EXPECT_EQ(Count("sync_merge_overwrites_total"), 2) << "nothing to see was there";
  EXPECT_EQ(Losers().size(), 0u) << "overwriting is no conflict";
}

}  // namespace
}  // namespace topgun::sync
