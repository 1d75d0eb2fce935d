// Retention: which cells go, what the horizon refuses afterwards, and that nothing removed returns.
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "domain/retention.h"
#include "domain/retention_sweeper.h"
#include "support/manual_clock.h"
#include "support/random.h"
#include "sync_fakes.h"

namespace topgun::sync {
namespace {

constexpr int64_t kSweptAt = 1'700'000'000'000;
constexpr int64_t kRetention = 100'000;
constexpr int64_t kCutoff = kSweptAt - kRetention;
constexpr auto kLww = state::CellKind::kLww;
constexpr auto kOr = state::CellKind::kOr;

state::CellView Cell(int64_t commit_ms, bool tombstone) {
  state::CellView cell;
  cell.version = {1, 1};
  cell.commit_ms = commit_ms;
  cell.timestamp = {commit_ms, 0, "client"};
  cell.tombstone = tombstone;
  if (!tombstone) cell.value = "v";
  return cell;
}
state::CellView Expiring(int64_t commit_ms, double ttl_ms) {
  state::CellView cell = Cell(commit_ms, false);
  cell.has_ttl = true;
  cell.ttl_ms = ttl_ms;
  return cell;
}

TEST(Prunable, TombstonesByTheAgeOfTheirCommit) {
  EXPECT_TRUE(Prunable(kLww, "m", Cell(kCutoff - 1, true), kCutoff));
  EXPECT_TRUE(Prunable(kOr, "m", Cell(kCutoff - 1, true), kCutoff));
  EXPECT_FALSE(Prunable(kLww, "m", Cell(kCutoff, true), kCutoff));
  EXPECT_FALSE(Prunable(kLww, "m", Cell(kCutoff - 1, false), kCutoff)) << "live";
  state::CellView late = Cell(kSweptAt, true);
  late.timestamp.millis = 5;
  EXPECT_FALSE(Prunable(kLww, "m", late, kCutoff)) << "an old clock, but removed just now";
  EXPECT_FALSE(Prunable(state::CellKind::kCounter, "m", Cell(0, true), kCutoff));
}

TEST(Prunable, ExpiredRecordsOnceTheyWereHiddenForLongEnough) {
  EXPECT_TRUE(Prunable(kLww, "m", Expiring(kCutoff - 101, 100), kCutoff));
  EXPECT_FALSE(Prunable(kLww, "m", Expiring(kCutoff - 100, 100), kCutoff));
  EXPECT_FALSE(Prunable(kLww, "m", Expiring(kCutoff - 101, 0), kCutoff)) << "no expiry";
}

TEST(Prunable, AClockFarAheadIsKeptUntilItsTimeHasCome) {
  state::CellView ahead = Cell(kCutoff - 1, true);
  ahead.timestamp.millis = kCutoff + crdt::kDriftMaxMs;
  EXPECT_FALSE(Prunable(kOr, "m", ahead, kCutoff));
  ahead.timestamp.millis -= 1;
  EXPECT_TRUE(Prunable(kOr, "m", ahead, kCutoff));
}

TEST(Prunable, ReservedMaps) {
  EXPECT_TRUE(Prunable(kLww, state::kRestampMap, Cell(kCutoff - 1, false), kCutoff));
  EXPECT_FALSE(Prunable(kLww, state::kRestampMap, Cell(kCutoff, false), kCutoff));
  EXPECT_TRUE(Prunable(kLww, state::kClampMap, Cell(kCutoff - 1, false), kCutoff));
  EXPECT_FALSE(Prunable(kLww, state::kPolicyMap, Cell(kCutoff - 1, true), kCutoff));
  EXPECT_FALSE(Prunable(kLww, state::kHorizonMap, Cell(kCutoff - 1, true), kCutoff));
  EXPECT_TRUE(Prunable(kLww, state::kDeviceMap, Cell(kCutoff - 1, true), kCutoff));
  EXPECT_FALSE(Prunable(kLww, state::kDeviceMap, Cell(kCutoff - 1, false), kCutoff));
}

struct SweptReplica {
  SweptReplica(FakeRedis& redis, FakeOwner& owner, ManualScheduler& scheduler, WallClock& wall,
               Probe& probe, std::string name, RetentionLimits limits)
      : store(redis, scheduler),
        clock(std::move(name), wall),
        shard(0, {}, {store, owner, scheduler, clock, wall, probe}),
        sweeper({&shard}, limits, scheduler, wall, probe) {
    shard.OnConnected();
    sweeper.Start();
  }

  FakeStore store;
  crdt::HybridLogicalClock clock;
  Shard shard;
  RetentionSweeper sweeper;
};

class RetentionTest : public testing::Test {
 protected:
  static constexpr RetentionLimits kLimits{.retention_ms = kRetention, .cells_max = 3};

  // Lets the loops and the wall clock run together.
  void Pass(int64_t ms) {
    constexpr int64_t kStep = 50;
    for (; ms > 0; ms -= kStep) {
      wall_.Advance(kStep);
      scheduler_.Advance(kStep);
    }
  }
  void PassRetention() { Pass(2 * kRetention); }

  static WriteOp Op(OpKind kind, std::string_view key, int64_t millis, std::string_view tag = {}) {
    WriteOp op;
    op.kind = kind;
    op.key = key;
    op.tag = tag;
    if (millis != 0) op.timestamp = {millis, 0, "client"};
    if (kind == OpKind::kPut || kind == OpKind::kOrAdd) op.value = "v";
    return op;
  }
  Outcome Write(SweptReplica& replica, const WriteOp& op) {
    std::optional<WriteResult> result;
    WritePart part;
    part.maps = {"m"};
    part.origins = {""};
    part.ops = {op};
    part.done = [&result](WriteResult done) { result = std::move(done); };
    replica.shard.Submit(std::move(part));
    for (int i = 0; i < 100 && !result.has_value(); ++i) scheduler_.Advance(20);
    EXPECT_TRUE(result.has_value() && result->status.ok());
    return result.has_value() && !result->outcomes.empty()
               ? static_cast<Outcome>(result->outcomes[0])
               : Outcome::kNone;
  }
  Outcome Write(const WriteOp& op) { return Write(a_, op); }

  const std::string* Stored(state::CellKind kind, std::string_view key, std::string_view tag = {}) {
    return redis_.Find(kind, "m", state::CellField(kind, key, tag));
  }
  std::optional<state::Horizon> HorizonOf(state::CellKind kind) {
    const std::string* stored = redis_.Find(kLww, state::kHorizonMap, state::MapId(kind, "m"));
    state::CellView cell;
    if (stored == nullptr || !state::DecodeCell(*stored, &cell)) return std::nullopt;
    return state::DecodeHorizon(cell.value);
  }

  support::ManualClock wall_{kSweptAt};
  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  FakeRedis redis_;
  FakeOwner owner_{redis_, scheduler_};
  SweptReplica a_{redis_, owner_, scheduler_, wall_, probe_, "sync-a", kLimits};
  SweptReplica b_{redis_, owner_, scheduler_, wall_, probe_, "sync-b", kLimits};
};

TEST_F(RetentionTest, ARemovalIsForgottenAndItsRecordStaysAway) {
  ASSERT_EQ(Write(Op(OpKind::kPut, "k", kSweptAt)), Outcome::kApplied);
  ASSERT_EQ(Write(Op(OpKind::kRemove, "k", kSweptAt + 7)), Outcome::kApplied);
  const int64_t removed_ms = wall_.NowMs();
  Pass(kRetention / 2);
  EXPECT_NE(Stored(kLww, "k"), nullptr) << "remembered for the retention";
  PassRetention();
  EXPECT_EQ(Stored(kLww, "k"), nullptr);
  EXPECT_EQ(HorizonOf(kLww), (state::Horizon{removed_ms, kSweptAt + 7}));

  for (SweptReplica* replica : {&a_, &b_}) {
    EXPECT_EQ(Write(*replica, Op(OpKind::kPut, "k", kSweptAt)), Outcome::kRejected);
    EXPECT_EQ(Write(*replica, Op(OpKind::kPut, "k", kSweptAt + 7)), Outcome::kRejected);
    EXPECT_EQ(Write(*replica, Op(OpKind::kRemove, "k", kSweptAt + 7)), Outcome::kStale);
    EXPECT_EQ(Stored(kLww, "k"), nullptr);
  }
  EXPECT_EQ(Write(Op(OpKind::kOrAdd, "k", kSweptAt, "tag")), Outcome::kApplied)
      << "another map of the same name";
  EXPECT_EQ(Write(Op(OpKind::kPut, "k", kSweptAt + 8)), Outcome::kApplied) << "above the horizon";
}

TEST_F(RetentionTest, ORTagsDieForGood) {
  ASSERT_EQ(Write(Op(OpKind::kOrAdd, "k", kSweptAt, "t1")), Outcome::kApplied);
  ASSERT_EQ(Write(Op(OpKind::kOrAdd, "k", kSweptAt, "t2")), Outcome::kApplied);
  ASSERT_EQ(Write(Op(OpKind::kOrRemove, "k", kSweptAt + 1, "t1")), Outcome::kApplied);
  PassRetention();
  EXPECT_EQ(Stored(kOr, "k", "t1"), nullptr);
  EXPECT_NE(Stored(kOr, "k", "t2"), nullptr) << "live";
  EXPECT_EQ(Write(b_, Op(OpKind::kOrAdd, "k", kSweptAt, "t1")), Outcome::kRejected);
  EXPECT_EQ(Write(b_, Op(OpKind::kOrAdd, "k", kSweptAt, "t2")), Outcome::kDuplicate);
  EXPECT_EQ(Write(b_, Op(OpKind::kOrAdd, "k", kSweptAt + 2, "t3")), Outcome::kApplied);
}

TEST_F(RetentionTest, ATagThatWasDeclaredDeadStaysDeadOnceThatIsForgotten) {
  ASSERT_EQ(Write(Op(OpKind::kDeadTag, "", 0, "t1")), Outcome::kApplied);
  ASSERT_EQ(Write(Op(OpKind::kDeadTag, "", 0, "t2")), Outcome::kApplied);
  const int64_t declared_ms = wall_.NowMs();
  const std::string dead = state::CellField(kOr, "m", "t1");
  ASSERT_NE(redis_.Find(kOr, state::kDeadTagMap, dead), nullptr);
  PassRetention();
  ASSERT_EQ(redis_.Find(kOr, state::kDeadTagMap, dead), nullptr);
  EXPECT_EQ(HorizonOf(kOr)->commit_ms, declared_ms);
  for (SweptReplica* replica : {&a_, &b_}) {
    EXPECT_EQ(Write(*replica, Op(OpKind::kOrAdd, "k", kSweptAt, "t1")), Outcome::kRejected);
    const int64_t ahead = declared_ms + crdt::kDriftMaxMs;
    EXPECT_EQ(Write(*replica, Op(OpKind::kOrAdd, "k", ahead, "t2")), Outcome::kRejected);
  }
  EXPECT_EQ(Write(Op(OpKind::kOrAdd, "k", wall_.NowMs(), "t3")), Outcome::kApplied);
}

TEST_F(RetentionTest, DeadTagsOfManyMapsAreForgottenTogether) {
  static const std::vector<std::string> maps = {"m1", "m2"};
  std::vector<FieldAndCell> found;
  const std::string cell = state::EncodeCell(Cell(kSweptAt, true));
  for (const std::string& map : maps) found.push_back({state::CellField(kOr, map, "t"), cell});
  PruneBatch batch(kOr, std::string(state::kDeadTagMap), found);
  EXPECT_EQ(batch.LookUp().size(), 4u);
  // The second was changed since: its horizon stays.
  ASSERT_TRUE(batch.Provide({cell, std::nullopt, std::nullopt, std::nullopt}));
  const PruneRequest request = batch.Build({1, 1}, kSweptAt, a_.clock);
  EXPECT_EQ(request.fields.size(), 1u);
  ASSERT_EQ(request.horizons.size(), 2u);
  EXPECT_EQ(request.horizons[0], state::MapId(kOr, "m1"));
}

TEST_F(RetentionTest, WhatTheServerStampsIsNeverRefused) {
  Write(Op(OpKind::kRemove, "k", kSweptAt + 50));
  PassRetention();
  ASSERT_TRUE(HorizonOf(kLww).has_value());
  EXPECT_EQ(Write(Op(OpKind::kRemove, "k", 0)), Outcome::kApplied);
  state::CellView cell;
  ASSERT_TRUE(state::DecodeCell(*Stored(kLww, "k"), &cell));
  EXPECT_GT(cell.timestamp.millis, HorizonOf(kLww)->millis);
}

TEST_F(RetentionTest, ExpiredRecordsGoWithoutComingBack) {
  WriteOp op = Op(OpKind::kPut, "k", kSweptAt);
  op.has_ttl = true;
  op.ttl_ms = 1000;
  ASSERT_EQ(Write(op), Outcome::kApplied);
  Pass(kRetention / 2);
  EXPECT_NE(Stored(kLww, "k"), nullptr) << "hidden, not dropped";
  PassRetention();
  EXPECT_EQ(Stored(kLww, "k"), nullptr);
  EXPECT_EQ(Write(op), Outcome::kRejected);
}

TEST_F(RetentionTest, TheFeedNamesWhatWasDropped) {
  Write(Op(OpKind::kPut, "kept", kSweptAt));
  Write(Op(OpKind::kRemove, "gone", kSweptAt + 1));
  const std::string before = *Stored(kLww, "gone");
  const size_t feed_size = redis_.feed.size();
  PassRetention();
  ASSERT_EQ(redis_.feed.size(), feed_size + 1) << "one prune, nothing else";
  state::FeedEntryView entry;
  ASSERT_TRUE(state::DecodeFeedEntry(redis_.feed.back().entry, &entry));
  ASSERT_EQ(entry.changes.size(), 2u);
  EXPECT_EQ(entry.changes[0].flags, state::kChangePruned);
  EXPECT_EQ(entry.changes[0].key, "gone");
  EXPECT_EQ(entry.changes[0].cell, before);
  EXPECT_EQ(entry.maps[entry.changes[1].map], state::kHorizonMap);
  EXPECT_EQ(entry.changes[1].key, state::MapId(kLww, "m"));
  EXPECT_EQ(entry.changes[1].flags, state::kChangeCreated) << "the map's first horizon";
}

TEST_F(RetentionTest, SweepsInBoundedSteps) {
  static std::deque<std::string> keys;
  for (int i = 0; i < 10; ++i) {
    Write(Op(OpKind::kRemove, keys.emplace_back("k" + std::to_string(i)), kSweptAt + i));
  }
  PassRetention();
  for (const std::string& key : keys) EXPECT_EQ(Stored(kLww, key), nullptr) << key;
  EXPECT_EQ(a_.store.prunes + b_.store.prunes, 4) << "3 cells per script, one replica at a time";
  EXPECT_EQ(HorizonOf(kLww)->millis, kSweptAt + 9);
}

TEST_F(RetentionTest, ANewerWriteBeatsThePruneThatRacesIt) {
  Write(Op(OpKind::kRemove, "k", kSweptAt));
  Write(b_, Op(OpKind::kPut, "other", kSweptAt));  // b has cached the shard
  wall_.Advance(2 * kRetention);
  // a has found the tombstone when b writes the key.
  PruneBatch batch(kLww, "m", {{"k", *Stored(kLww, "k")}});
  ASSERT_EQ(Write(b_, Op(OpKind::kPut, "k", kSweptAt + 1)), Outcome::kApplied);
  std::optional<size_t> dropped;
  a_.shard.Prune(std::move(batch), [&](const StatusOr<size_t>& count) { dropped = *count; });
  scheduler_.Advance(100);
  EXPECT_EQ(dropped, 0u);
  EXPECT_NE(Stored(kLww, "k"), nullptr);
  EXPECT_FALSE(HorizonOf(kLww).has_value());
}

TEST_F(RetentionTest, PruningWaitsForTheBatchInFlightAndFailsWithTheShard) {
  Write(Op(OpKind::kRemove, "k", kSweptAt));
  wall_.Advance(2 * kRetention);
  std::vector<StatusCode> codes;
  const auto prune = [&] {
    a_.shard.Prune(PruneBatch(kLww, "m", {{"k", *Stored(kLww, "k")}}),
                   [&](const StatusOr<size_t>& count) { codes.push_back(count.status().code()); });
  };
  prune();
  prune();
  EXPECT_EQ(codes, std::vector{StatusCode::kAborted}) << "one at a time";
  a_.store.Disconnect();
  a_.shard.OnDisconnected();
  prune();
  EXPECT_EQ(codes.size(), 2u);
  redis_.run = "run-2";
  a_.store.Reconnect();
  a_.shard.OnConnected();
  scheduler_.Advance(3000);
  EXPECT_EQ(codes.size(), 3u);
  EXPECT_EQ(Write(Op(OpKind::kPut, "x", kSweptAt + 1)), Outcome::kApplied) << "the shard goes on";
}

TEST_F(RetentionTest, LostHorizonsAreLoadedBeforeAnAbsentCellIsJudged) {
  Write(Op(OpKind::kRemove, "k", kSweptAt));
  PassRetention();
  ASSERT_TRUE(HorizonOf(kLww).has_value());
  // Redis restarts empty; Postgres has the horizon.
  const std::string map_id = state::MapId(kLww, "m");
  const std::string horizon = *redis_.Find(kLww, state::kHorizonMap, map_id);
  redis_ = FakeRedis();
  redis_.run = "run-2";
  redis_.unloaded[state::MapId(kLww, state::kHorizonMap)] = {};
  owner_.rows = {{map_id, "", horizon}};
  owner_.next_incarnation = 2;
  a_.shard.OnDisconnected();
  a_.store.Reconnect();
  a_.shard.OnConnected();
  scheduler_.Advance(3000);
  EXPECT_EQ(Write(Op(OpKind::kPut, "k", kSweptAt)), Outcome::kRejected);
}

// Clients write, remove, and send anything they ever sent again, to either replica, while time
// passes in jumps around the retention. A record that was removed is never live again.
TEST_F(RetentionTest, NothingRemovedEverReturns) {
  support::Random random(support::TestSeed());
  std::deque<std::string> bytes;
  std::vector<WriteOp> made;  // some were never sent: their clients are offline
  std::vector<WriteOp> adds;
  int64_t clock_ms = 0;                          // clients know of each other's writes (core.md 3)
  std::map<std::string, int64_t> removed_up_to;  // LWW key: newest clock of an applied removal
  std::set<std::string> dead_tags;
  for (int step = 0; step < 600; ++step) {
    if (random.OneIn(25)) Pass(random.Between(0, 2 * kRetention));
    WriteOp op;
    if (!made.empty() && random.OneIn(2)) {
      op = random.Pick(made);
    } else {
      clock_ms = std::max(clock_ms + 1, wall_.NowMs() + random.Between(0, 1000));
      op = Op(static_cast<OpKind>(random.Between(1, 4)),
              bytes.emplace_back("k" + std::to_string(random.Below(5))), clock_ms);
      if (op.kind == OpKind::kOrAdd) {
        op.tag = bytes.emplace_back("t" + std::to_string(step));
        adds.push_back(op);
      } else if (op.kind == OpKind::kOrRemove) {
        if (adds.empty()) continue;
        const WriteOp& add = random.Pick(adds);
        op.key = add.key;
        op.tag = add.tag;
      }
      made.push_back(op);
      if (random.OneIn(4)) continue;
    }
    const Outcome outcome = Write(random.OneIn(2) ? a_ : b_, op);
    if (op.kind == OpKind::kRemove && outcome == Outcome::kApplied) {
      int64_t& removed = removed_up_to[std::string(op.key)];
      removed = std::max(removed, op.timestamp.millis);
    }
    if (op.kind == OpKind::kOrRemove) dead_tags.insert(state::CellField(kOr, op.key, op.tag));
    for (const auto& [map_id, cells] : redis_.cells) {
      if (map_id.substr(1) != "m") continue;
      for (const auto& [field, encoded] : cells) {
        state::CellView cell;
        ASSERT_TRUE(state::DecodeCell(encoded, &cell));
        if (cell.tombstone) continue;
        if (map_id == state::MapId(kOr, "m")) {
          ASSERT_FALSE(dead_tags.contains(field)) << "step " << step;
        } else {
          ASSERT_GT(cell.timestamp.millis, removed_up_to[field]) << field << " step " << step;
        }
      }
    }
  }
  EXPECT_GT(a_.store.prunes + b_.store.prunes, 10) << "the run has pruned";
}

}  // namespace
}  // namespace topgun::sync
