// Shards, views and watchers over a shard of Redis in memory: opening, racing replicas, lost
// replies, hydration, gaps.
#include <gtest/gtest.h>

#include "domain/view_registry.h"
#include "domain/watcher.h"
#include "sync_shard_fixture.h"

namespace topgun::sync {
namespace {

TEST_F(ShardTest, WaitsClosedAndIsOpenedByItsOwner) {
  owner_.away = true;
  Done done;
  a_.shard.OnConnected();
  a_.shard.Submit(Part("k", kNow, "1", done));
  scheduler_.Advance(5000);
  EXPECT_EQ(done.calls, 0) << "nothing is trusted, nothing is answered";
  owner_.away = false;
  scheduler_.Advance(5000);
  EXPECT_EQ(done.calls, 1);
  EXPECT_TRUE(done.result.status.ok());
  EXPECT_EQ(done.result.position, redis_.meta.tail);
  EXPECT_EQ(Value("k"), "1");
}

TEST_F(ShardTest, RacingReplicasLoseNothing) {
  a_.shard.OnConnected();
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  std::vector<Done> done(200);
  for (int i = 0; i < 100; ++i) {
    const std::string key = "k" + std::to_string(i % 7);
    // Stored strings: parts borrow their bytes.
    static std::deque<std::string> bytes;
    const std::string& kept = bytes.emplace_back(key);
    a_.shard.Submit(Part(kept, kNow + i, bytes.emplace_back("a" + std::to_string(i)), done[i]));
    b_.shard.Submit(
        Part(kept, kNow + i, bytes.emplace_back("a" + std::to_string(i)), done[100 + i]));
    scheduler_.RunOne();
  }
  scheduler_.Advance(10'000);
  for (const Done& each : done) {
    ASSERT_EQ(each.calls, 1);
    ASSERT_TRUE(each.result.status.ok());
  }
  for (int key = 0; key < 7; ++key) {
    const int last = 98 - (98 % 7) + key > 99 ? 98 - (98 % 7) + key - 7 : 98 - (98 % 7) + key;
    EXPECT_EQ(Value("k" + std::to_string(key)), "a" + std::to_string(last));
  }
}

TEST_F(ShardTest, AfterAConflictTheFeedTellsWhatTheCellsAre) {
  a_.shard.OnConnected();
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  Done first;
  Done second;
  a_.shard.Submit(Part("k", kNow + 1, "newer", first));
  b_.shard.Submit(Part("k", kNow, "older", second));
  scheduler_.Advance(100);
  ASSERT_EQ(a_.store.commits + b_.store.commits, 3) << "one of them must have been too late";
  EXPECT_EQ(a_.store.cell_reads + b_.store.cell_reads, 2) << "each reads once";
  EXPECT_EQ(Value("k"), "newer");
  EXPECT_EQ(first.result.outcomes, std::string(1, static_cast<char>(Outcome::kApplied)));
}

TEST_F(ShardTest, ALostReplyIsRepeatedWithoutEffect) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  a_.store.lose_next_reply = true;
  Done done;
  a_.shard.Submit(Part("k", kNow, "1", done));
  scheduler_.Advance(2000);
  EXPECT_EQ(done.calls, 1);
  EXPECT_EQ(static_cast<Outcome>(done.result.outcomes[0]), Outcome::kDuplicate);
  EXPECT_EQ(redis_.feed.size(), 2u) << "marker and one commit";
}

TEST_F(ShardTest, AnotherRunClosesTheShardAndDropsWhatWasCached) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  Done first;
  a_.shard.Submit(Part("k", kNow, "1", first));
  scheduler_.Advance(100);
  // Redis restarts without anything.
  a_.store.Disconnect();
  a_.shard.OnDisconnected();
  redis_ = FakeRedis();
  redis_.run = "run-2";
  owner_.next_incarnation = 7;
  Done second;
  a_.shard.Submit(Part("k", kNow - 1, "older", second));
  scheduler_.Advance(1000);
  EXPECT_EQ(second.calls, 0);
  a_.store.Reconnect();
  a_.shard.OnConnected();
  scheduler_.Advance(3000);
  ASSERT_EQ(second.calls, 1);
  EXPECT_EQ(static_cast<Outcome>(second.result.outcomes[0]), Outcome::kApplied)
      << "the cache must not remember the newer value that Redis lost";
  EXPECT_EQ(second.result.position.incarnation, 7u);
}

TEST_F(ShardTest, UnloadedMapsAreLoadedBeforeTheyAreWritten) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  redis_.unloaded[state::MapId(state::CellKind::kLww, "m")] = {};
  state::CellView newer;
  newer.version = {1, 1};
  newer.timestamp = {kNow + 10, 0, "z"};
  newer.value = "persisted";
  owner_.rows = {{"k", "", state::EncodeCell(newer)}};
  Done stale;
  a_.shard.Submit(Part("k", kNow, "1", stale));
  scheduler_.Advance(1000);
  ASSERT_EQ(stale.calls, 1);
  EXPECT_EQ(static_cast<Outcome>(stale.result.outcomes[0]), Outcome::kStale);
  EXPECT_EQ(Value("k"), "persisted");
}

TEST_F(ShardTest, AReplicaThatCachedBeforeALoadDoesNotOverwriteIt) {
  a_.shard.OnConnected();
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  Done warm;
  b_.shard.Submit(Part("other", kNow, "x", warm));
  scheduler_.Advance(100);
  // b reads "k" as absent from the unloaded map while a loads it.
  redis_.unloaded[state::MapId(state::CellKind::kLww, "m")] = {};
  state::CellView persisted;
  persisted.version = {1, 1};
  persisted.timestamp = {kNow + 10, 0, "z"};
  persisted.value = "persisted";
  owner_.rows = {{"k", "", state::EncodeCell(persisted)}};
  Done from_a;
  Done from_b;
  b_.shard.Submit(Part("k", kNow + 1, "b", from_b));
  a_.shard.Submit(Part("k", kNow + 2, "a", from_a));
  scheduler_.Advance(3000);
  EXPECT_EQ(from_a.calls, 1);
  EXPECT_EQ(from_b.calls, 1);
  EXPECT_EQ(Value("k"), "persisted");
}

TEST_F(ShardTest, AFullQueueAndLatePersistenceRefuseRetryably) {
  ShardLimits limits;
  limits.queue_bytes_max = 150;
  Replica small(redis_, owner_, scheduler_, probe_, limits);
  Done first;
  Done second;
  EXPECT_TRUE(small.shard.Submit(Part("a", kNow, "1", first))) << "waits in memory";
  EXPECT_FALSE(small.shard.Submit(Part("b", kNow, "1", second)));
  EXPECT_EQ(second.calls, 1);
  EXPECT_EQ(second.result.status.code(), StatusCode::kResourceExhausted);
  redis_.overloaded = true;
  small.shard.OnConnected();
  scheduler_.Advance(1000);
  EXPECT_EQ(first.result.status.code(), StatusCode::kResourceExhausted);
  redis_.overloaded = false;
  Done third;
  small.shard.Submit(Part("a", kNow, "1", third));
  scheduler_.Advance(1000);
  EXPECT_TRUE(third.result.status.ok()) << "the queue is free again";
}

// ---- Views ----

TEST_F(ShardTest, AViewIncludesWhatAnotherReplicaCommittedBeforeTheRead) {
  a_.shard.OnConnected();
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  ViewRegistry views({&b_.shard}, {}, scheduler_, b_.wall, probe_);
  StatusOr<Snapshot> before = Unavailable("not called");
  views.Read("m", 10, [&](StatusOr<Snapshot> s) { before = std::move(s); });
  scheduler_.Advance(100);
  ASSERT_TRUE(before.ok());
  EXPECT_TRUE(before->rows.empty());
  Done done;
  a_.shard.Submit(Part("k", kNow, "1", done));
  scheduler_.Advance(100);
  StatusOr<Snapshot> after = Unavailable("not called");
  views.Read("m", 10, [&](StatusOr<Snapshot> s) { after = std::move(s); });
  scheduler_.Advance(100);
  ASSERT_TRUE(after.ok());
  ASSERT_EQ(after->rows.size(), 1u);
  EXPECT_EQ(after->rows[0].value, "1");
  EXPECT_EQ(after->positions[0].position, done.result.position);
}

TEST_F(ShardTest, AViewIsBuiltAgainWhenRedisForgot) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  ViewRegistry views({&a_.shard}, {}, scheduler_, a_.wall, probe_);
  Done done;
  a_.shard.Submit(Part("k", kNow, "1", done));
  scheduler_.Advance(100);
  StatusOr<Snapshot> read = Unavailable("not called");
  views.Read("m", 10, [&](StatusOr<Snapshot> s) { read = std::move(s); });
  scheduler_.Advance(100);
  ASSERT_EQ(read->rows.size(), 1u);
  redis_ = FakeRedis();
  redis_.run = "run-2";
  owner_.next_incarnation = 9;
  a_.store.Reconnect();
  a_.shard.OnDisconnected();
  a_.shard.OnConnected();
  views.Read("m", 10, [&](StatusOr<Snapshot> s) { read = std::move(s); });
  scheduler_.Advance(5000);
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read->rows.empty());
}

TEST_F(ShardTest, AViewThatDoesNotFitIsRefused) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  Done done;
  const std::string big(5000, 'x');
  a_.shard.Submit(Part("k", kNow, big, done));
  scheduler_.Advance(100);
  ViewRegistry views({&a_.shard}, {1000, 60'000}, scheduler_, a_.wall, probe_);
  StatusOr<Snapshot> read = Unavailable("not called");
  views.Read("m", 10, [&](StatusOr<Snapshot> s) { read = std::move(s); });
  scheduler_.Advance(100);
  EXPECT_EQ(read.status().code(), StatusCode::kResourceExhausted);
}

// ---- Watchers ----

struct Sink final : WatchSink {
  void OnRange(const WatchedRange& range, const FeedEntry* entry,
               const std::vector<uint32_t>& changes) override {
    ranges.push_back(range);
    for (const uint32_t change : changes) keys.emplace_back(entry->view.changes[change].key);
  }
  void OnPersisted(uint32_t /*shard*/, const state::Position& position) override {
    persisted.push_back(position);
  }
  bool Joined() const {
    for (size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].after != ranges[i - 1].upto) return false;
    }
    return true;
  }
  std::vector<WatchedRange> ranges;
  std::vector<std::string> keys;
  std::vector<state::Position> persisted;
};

TEST_F(ShardTest, AWatcherHearsItsMapsOnlyInJoiningRanges) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  Sink sink;
  Watcher watcher(sink, probe_);
  watcher.Watch(a_.shard, std::nullopt);
  scheduler_.Advance(10);
  ASSERT_EQ(sink.ranges.size(), 1u) << "the start is confirmed";
  Done first;
  a_.shard.Submit(Part("before", kNow, "1", first));
  scheduler_.Advance(10);
  watcher.ChangeInterest({"m"}, {}, 5);
  Done second;
  a_.shard.Submit(Part("after", kNow, "1", second));
  scheduler_.Advance(10);
  EXPECT_EQ(sink.keys, std::vector<std::string>{"after"});
  EXPECT_EQ(sink.ranges.back().interest_id, 5u);
  EXPECT_EQ(sink.ranges.back().upto, second.result.position);
  EXPECT_TRUE(sink.Joined());
}

TEST_F(ShardTest, AWatcherResumesAtAnotherReplica) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  const state::Position start = redis_.meta.tail;
  std::vector<Done> done(3);
  a_.shard.Submit(Part("k0", kNow, "1", done[0]));
  scheduler_.Advance(10);
  a_.shard.Submit(Part("k1", kNow, "1", done[1]));
  scheduler_.Advance(10);
  b_.shard.OnConnected();  // starts at the tail, its ring is empty
  scheduler_.Advance(100);
  Sink sink;
  Watcher watcher(sink, probe_);
  watcher.ChangeInterest({"m"}, {}, 1);
  watcher.Watch(b_.shard, start);
  scheduler_.Advance(100);
  a_.shard.Submit(Part("k2", kNow, "1", done[2]));
  scheduler_.Advance(10);
  b_.shard.Poll();
  scheduler_.Advance(10);
  EXPECT_EQ(sink.keys, (std::vector<std::string>{"k0", "k1", "k2"}));
  EXPECT_TRUE(sink.Joined());
  for (const WatchedRange& range : sink.ranges) EXPECT_FALSE(range.gap);
}

TEST_F(ShardTest, AWatcherResumesPastEntriesThatAreOfNoInterest) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  const state::Position start = redis_.meta.tail;
  std::vector<Done> done(2);
  a_.shard.Submit(Part("k0", kNow, "1", done[0]));
  scheduler_.Advance(10);
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  Sink sink;
  Watcher watcher(sink, probe_);
  watcher.ChangeInterest({"another"}, {}, 1);
  watcher.Watch(b_.shard, start);
  scheduler_.Advance(100);
  ASSERT_FALSE(sink.ranges.empty());
  EXPECT_EQ(sink.ranges.back().upto, done[0].result.position);
  EXPECT_EQ(sink.ranges.back().interest_id, 1u);
  watcher.ChangeInterest({"m"}, {}, 2);
  a_.shard.Submit(Part("k1", kNow, "1", done[1]));
  scheduler_.Advance(10);
  b_.shard.Poll();
  scheduler_.Advance(10);
  EXPECT_EQ(sink.keys, std::vector<std::string>{"k1"});
  EXPECT_TRUE(sink.Joined());
}

TEST_F(ShardTest, AWatcherBehindATrimmedFeedIsToldOfTheGap) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  const state::Position start = redis_.meta.tail;
  std::vector<Done> done(3);
  for (int i = 0; i < 3; ++i) {
    a_.shard.Submit(Part("k", kNow + i, "1", done[static_cast<size_t>(i)]));
    scheduler_.Advance(10);
  }
  redis_.feed.erase(redis_.feed.begin(), redis_.feed.end() - 1);
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  Sink sink;
  Watcher watcher(sink, probe_);
  watcher.ChangeInterest({"m"}, {}, 1);
  watcher.Watch(b_.shard, start);
  scheduler_.Advance(100);
  ASSERT_FALSE(sink.ranges.empty());
  EXPECT_TRUE(sink.ranges.back().gap);
  EXPECT_EQ(sink.ranges.back().upto, redis_.meta.tail);
}

// ---- Clocks that were ahead ----

TEST_F(ShardTest, AnyReplicaRecallsAClampedOpWhenItsTimeHasCome) {
  Replica late(redis_, owner_, scheduler_, probe_);
  a_.shard.OnConnected();
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  const int64_t ahead = kNow + crdt::kDriftMaxMs + 1;
  Done clamped;
  a_.shard.Submit(Part("k", ahead, "clamped", clamped));
  scheduler_.Advance(100);
  EXPECT_EQ(static_cast<Outcome>(clamped.result.outcomes[0]), Outcome::kRestamped);
  Done newer;
  b_.shard.Submit(Part("k", kNow + 1, "newer", newer));
  scheduler_.Advance(100);
  late.shard.OnConnected();
  scheduler_.Advance(100);
  for (Replica* replica : {&a_, &b_, &late}) {
    replica->wall.Set(ahead + 1);
    Done again;
    replica->shard.Submit(Part("k", ahead, "clamped", again));
    scheduler_.Advance(100);
    ASSERT_EQ(again.calls, 1);
    EXPECT_EQ(static_cast<Outcome>(again.result.outcomes[0]), Outcome::kRestamped);
    EXPECT_EQ(Value("k"), "newer");
  }
}

// ---- Persisted positions ----

TEST_F(ShardTest, AWatcherIsToldWhatIsPersistedAtItsStartAndWhenItMoves) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  redis_.meta.persisted = {1, 1};
  Sink sink;
  Watcher watcher(sink, probe_);
  watcher.Watch(a_.shard, std::nullopt);
  scheduler_.Advance(10);
  EXPECT_EQ(sink.persisted, (std::vector<state::Position>{{1, 1}})) << "at the start";
  redis_.meta.persisted = {1, 2};
  Done done;
  a_.shard.Submit(Part("k", kNow, "1", done));
  scheduler_.Advance(10);
  EXPECT_EQ(sink.persisted.back(), (state::Position{1, 2})) << "told by the commit itself";
  redis_.meta.persisted = {1, 3};
  a_.shard.Poll();
  scheduler_.Advance(10);
  EXPECT_EQ(sink.persisted.back(), (state::Position{1, 3})) << "found by the poll of an idle shard";
  a_.shard.Poll();
  scheduler_.Advance(10);
  EXPECT_EQ(sink.persisted.size(), 3u) << "told once";
}

TEST_F(ShardTest, WhatWasPersistedStaysSoWhenRedisForgets) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  Sink sink;
  Watcher watcher(sink, probe_);
  redis_.meta.persisted = {1, 7};
  watcher.Watch(a_.shard, std::nullopt);
  scheduler_.Advance(10);
  redis_.meta.persisted = {1, 2};
  a_.shard.Poll();
  scheduler_.Advance(10);
  EXPECT_EQ(a_.shard.feed().persisted(), (state::Position{1, 7}));
  EXPECT_EQ(sink.persisted, (std::vector<state::Position>{{1, 7}}));
}

TEST_F(ShardTest, WithoutPostgresThePersistedPositionFollowsTheCommits) {
  ShardLimits limits;
  limits.volatile_storage = true;
  Replica alone(redis_, owner_, scheduler_, probe_, limits);
  alone.shard.OnConnected();
  scheduler_.Advance(100);
  Sink sink;
  Watcher watcher(sink, probe_);
  watcher.Watch(alone.shard, std::nullopt);
  scheduler_.Advance(10);
  Done done;
  alone.shard.Submit(Part("k", kNow, "1", done));
  scheduler_.Advance(10);
  alone.shard.Poll();
  scheduler_.Advance(10);
  ASSERT_FALSE(sink.persisted.empty());
  EXPECT_EQ(sink.persisted.back(), done.result.position);
}

// ---- Redis replicas ----

TEST_F(ShardTest, OnlyPartsThatAskWaitForReplicasAndHoldUpNobody) {
  FakeReplicas replicas;
  Replica asking(redis_, owner_, scheduler_, probe_, {}, &replicas);
  asking.shard.OnConnected();
  scheduler_.Advance(100);
  Done waiting;
  WritePart part = Part("a", kNow, "1", waiting);
  part.replicate_ms = 700;
  asking.shard.Submit(std::move(part));
  scheduler_.Advance(10);
  ASSERT_EQ(replicas.asked.size(), 1u);
  EXPECT_EQ(replicas.asked[0].timeout_ms, 700u);
  EXPECT_EQ(replicas.asked[0].run, redis_.run);
  EXPECT_EQ(Value("a"), "1") << "asked after the commit";
  EXPECT_EQ(waiting.calls, 0);
  Done ordinary;
  asking.shard.Submit(Part("b", kNow, "1", ordinary));
  scheduler_.Advance(10);
  EXPECT_EQ(ordinary.calls, 1);
  EXPECT_FALSE(ordinary.result.replicated);
  EXPECT_EQ(replicas.asked.size(), 1u);
  replicas.asked[0].callback(true);
  EXPECT_EQ(waiting.calls, 1);
  EXPECT_TRUE(waiting.result.replicated);
  EXPECT_EQ(waiting.result.outcomes.size(), 1u);
}

TEST_F(ShardTest, WithoutReplicasAnAskingPartIsAnsweredAtOnce) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  Done done;
  WritePart part = Part("a", kNow, "1", done);
  part.replicate_ms = 60'000;
  a_.shard.Submit(std::move(part));
  scheduler_.RunAll();
  ASSERT_EQ(done.calls, 1);
  EXPECT_TRUE(done.result.status.ok());
  EXPECT_FALSE(done.result.replicated);
}

TEST_F(ShardTest, APartThatStraddlesALossOfRedisIsNotReplicated) {
  FakeReplicas replicas;
  ShardLimits limits;
  limits.batch.cells_max = 1;
  Replica asking(redis_, owner_, scheduler_, probe_, limits, &replicas);
  asking.shard.OnConnected();
  scheduler_.Advance(100);
  Done done;
  WritePart part = Part("a", kNow, "1", done);
  part.ops.push_back(part.ops[0]);
  part.ops[1].key = "b";
  part.replicate_ms = 700;
  asking.shard.Submit(std::move(part));
  scheduler_.RunOne();  // "a" was read
  scheduler_.RunOne();  // and committed
  ASSERT_EQ(Value("a"), "1");
  redis_ = FakeRedis();
  redis_.run = "run-2";
  owner_.next_incarnation = 7;
  asking.store.Reconnect();
  asking.shard.OnDisconnected();
  asking.shard.OnConnected();
  scheduler_.Advance(3000);
  ASSERT_EQ(done.calls, 1);
  EXPECT_EQ(done.result.position.incarnation, 1u);
  EXPECT_FALSE(done.result.replicated);
  EXPECT_TRUE(replicas.asked.empty()) << "the new run cannot confirm what the old one committed";
}

}  // namespace
}  // namespace topgun::sync
