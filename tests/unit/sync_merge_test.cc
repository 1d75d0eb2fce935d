// Merge rules, batches and re-stamping, without a shard around them.
#include <gtest/gtest.h>

#include "domain/cell_cache.h"
#include "domain/merge_batch.h"
#include "domain/restamp.h"
#include "support/manual_clock.h"

namespace topgun::sync {
namespace {

constexpr int64_t kMergedAt = 1'700'000'000'000;

CellState Record(int64_t millis, std::string_view value, std::string_view node = "a") {
  return {true, false, false, 0, {millis, 0, node}, value};
}
CellState Tombstone(int64_t millis) { return {true, true, false, 0, {millis, 0, "a"}, {}}; }

TEST(MergeRules, LwwTable) {
  EXPECT_EQ(JudgeLww({}, Record(1, "x")), Verdict::kApply);
  EXPECT_EQ(JudgeLww(Record(1, "x"), Record(2, "y")), Verdict::kApply);
  EXPECT_EQ(JudgeLww(Record(1, "x"), Record(2, "x")), Verdict::kApplyEcho);
  EXPECT_EQ(JudgeLww(Record(2, "x"), Record(1, "y")), Verdict::kStale);
  EXPECT_EQ(JudgeLww(Record(1, "x"), Record(1, "x")), Verdict::kDuplicate);
  EXPECT_EQ(JudgeLww(Record(1, "x"), Record(1, "y")), Verdict::kCollision);
  EXPECT_EQ(JudgeLww(Record(1, "x"), Tombstone(1)), Verdict::kCollision);
  EXPECT_EQ(JudgeLww(Record(1, "x", "a"), Record(1, "y", "b")), Verdict::kApply);
}

TEST(MergeRules, OrTable) {
  EXPECT_EQ(JudgeOr({}, Record(1, "x")), Verdict::kApply);
  EXPECT_EQ(JudgeOr(Tombstone(1), Record(9, "x")), Verdict::kStale) << "a removed tag stays dead";
  EXPECT_EQ(JudgeOr(Record(1, "x"), Record(1, "x")), Verdict::kDuplicate);
  EXPECT_EQ(JudgeOr(Record(1, "x"), Record(1, "y")), Verdict::kStale);
  EXPECT_EQ(JudgeOr(Record(1, "x"), Record(2, "y")), Verdict::kApply);
  EXPECT_EQ(JudgeOr({}, Tombstone(1)), Verdict::kApply) << "unknown tags are remembered";
  EXPECT_EQ(JudgeOr(Record(9, "x"), Tombstone(1)), Verdict::kApply);
  EXPECT_EQ(JudgeOr(Tombstone(1), Tombstone(2)), Verdict::kDuplicate);
}

TEST(CellCache, ForgetsWhatWasNotUsedAndStaysWithinItsBudget) {
  constexpr uint64_t kBudget = 10'000;
  constexpr uint64_t kPartlyEmptySegments = 2 * kBudget / 32;
  CellCache cache(kBudget);
  cache.Put("kept", "v");
  for (int i = 0; i < 1000; ++i) {
    cache.Put("k" + std::to_string(i), std::string(50, 'v'));
    ASSERT_EQ(cache.Find("kept"), "v") << i;
    ASSERT_LE(cache.bytes(), kBudget + kPartlyEmptySegments);
  }
  EXPECT_EQ(cache.Find("k0"), std::nullopt);
  EXPECT_EQ(cache.Find("k999"), std::string(50, 'v'));
  cache.Update("unknown", "v");
  EXPECT_EQ(cache.Find("unknown"), std::nullopt);
  cache.Clear();
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(cache.Find("kept"), std::nullopt);
}

TEST(CellCache, KeepsTheLastCellWhateverItsSize) {
  CellCache cache(100'000);
  std::string expected;
  for (const size_t size : {0u, 50u, 50u, 7u, 300u, 0u, 20'000u, 1u}) {
    expected.assign(size, static_cast<char>('a' + size % 26));
    cache.Put("k", expected);
    cache.Put("beside", "b");
    ASSERT_EQ(cache.Find("k"), expected) << size;
  }
  // Copies that were too small for what came later count until they are gone.
  EXPECT_GT(cache.bytes(), 20'000u);
  cache.Update("k", "updated");
  EXPECT_EQ(cache.Find("k"), "updated");
  EXPECT_EQ(cache.Find("beside"), "b");
}

TEST(CellCache, AnOldCopyNeverComesBack) {
  CellCache cache(10'000);
  cache.Put("k", "old");
  int i = 0;
  const auto fill = [&] { cache.Put("f" + std::to_string(i++), std::string(500, 'v')); };
  for (int n = 0; n < 12; ++n) fill();  // "k" is in the old generation now
  cache.Put("k", "new");
  for (int n = 0; n < 40; ++n) {
    fill();
    const auto found = cache.Find("k");
    ASSERT_TRUE(found == "new") << n;
  }
}

TEST(CellCache, IdsOfOneHashAreNotConfused) {
  CellCache cache(10'000);
  cache.Put({"a", 7}, "1");
  EXPECT_EQ(cache.Find({"b", 7}), std::nullopt);
  cache.Put({"b", 7}, "2");
  EXPECT_EQ(cache.Find({"b", 7}), "2");
  EXPECT_EQ(cache.Find({"a", 7}), std::nullopt) << "displaced";
}

class MergeBatchTest : public testing::Test {
 protected:
  WriteOp Put(std::string_view key, int64_t millis, std::string_view value) {
    WriteOp op;
    op.key = key;
    op.timestamp = {millis, 0, "client"};
    op.value = value;
    return op;
  }

  // Merges and "commits"; returns the outcomes.
  std::string Run(std::vector<WriteOp> ops) {
    WritePart part;
    part.maps = {"m"};
    part.origins = {"", "conn", "other"};
    part.ops = std::move(ops);
    for (WriteOp& op : part.ops) op.origin = std::max(op.origin, 1u);
    PartState state(std::move(part));
    batch_.Clear();
    PendingOps pending;
    pending.Add(state);
    while (!pending.empty()) batch_.Take(pending.TakeOldest());
    batch_.ExpectClamps(expect_clamps_);
    do {
      std::vector<std::optional<std::string>> found(batch_.LookUp(cache_).size());
      batch_.Provide(std::move(found));
    } while (!batch_.Merge(clock_, wall_.NowMs()));
    request_ = batch_.BuildCommit(tail_, wall_.NowMs());
    if (!request_.entry.empty()) ++tail_.n;
    batch_.Settle(tail_, cache_);
    return state.outcomes;
  }

  state::CellView Stored(std::string_view key) {
    std::string id;
    AppendCellId(id, state::CellKind::kLww, "m", state::CellField(state::CellKind::kLww, key, {}));
    state::CellView view;
    const auto cell = cache_.Find(id);
    if (cell.has_value()) kept_.emplace_back(*cell);
    EXPECT_TRUE(cell.has_value() && state::DecodeCell(kept_.back(), &view));
    return view;
  }

  std::string Outcomes(std::initializer_list<Outcome> outcomes) {
    std::string out;
    for (const Outcome outcome : outcomes) out.push_back(static_cast<char>(outcome));
    return out;
  }

  // Whether the last commit was checked against the map's cells.
  bool Touched(std::string_view map) const {
    const std::string map_id = state::MapId(state::CellKind::kLww, map);
    return std::count(request_.map_ids.begin(), request_.map_ids.end(), map_id) != 0;
  }

  bool expect_clamps_ = true;
  support::ManualClock wall_{kMergedAt};
  crdt::HybridLogicalClock clock_{"sync-0", wall_};
  CellCache cache_{1 << 20};
  MergeBatch batch_{{}};
  state::Position tail_{1, 1};
  CommitRequest request_;
  std::deque<std::string> kept_;
};

TEST_F(MergeBatchTest, OpsOnOneCellCollapseIntoOneWrite) {
  EXPECT_EQ(
      Run({Put("k", kMergedAt, "1"), Put("k", kMergedAt + 1, "2"), Put("k", kMergedAt - 1, "0")}),
      Outcomes({Outcome::kApplied, Outcome::kApplied, Outcome::kStale}));
  ASSERT_EQ(request_.cells.size(), 1u);
  EXPECT_EQ(request_.cells[0].fields_and_cells.size(), 2u);
  EXPECT_EQ(Stored("k").value, "2");
  EXPECT_EQ(Stored("k").version, (state::Position{1, 2}));
}

TEST_F(MergeBatchTest, OpsThatChangeNothingMakeACompareOnlyCommit) {
  Run({Put("k", kMergedAt, "1")});
  EXPECT_EQ(Run({Put("k", kMergedAt, "1"), Put("k", kMergedAt - 5, "0")}),
            Outcomes({Outcome::kDuplicate, Outcome::kStale}));
  EXPECT_TRUE(request_.entry.empty());
  EXPECT_EQ(request_.map_ids,
            (std::vector{state::MapId(state::CellKind::kLww, "m"),
                         state::MapId(state::CellKind::kLww, state::kHorizonMap)}))
      << "still checked for being loaded";
}

TEST_F(MergeBatchTest, TheFeedEntrySaysWhatWasLiveAndWhoWon) {
  Run({Put("k", kMergedAt, "1")});
  WriteOp remove = Put("k", kMergedAt + 1, {});
  remove.kind = OpKind::kRemove;
  Run({remove, Put("new", kMergedAt, "x")});
  state::FeedEntryView entry;
  ASSERT_TRUE(state::DecodeFeedEntry(request_.entry, &entry));
  ASSERT_EQ(entry.changes.size(), 2u);
  EXPECT_EQ(entry.changes[0].key, "k");
  EXPECT_EQ(entry.changes[0].flags, state::kChangeWasLive);
  EXPECT_EQ(entry.changes[1].flags, state::kChangeCreated);
  EXPECT_EQ(entry.origins[entry.changes[0].origin], "conn");
}

TEST_F(MergeBatchTest, ACellIsCreatedOnceAndItsTombstoneIsACell) {
  WriteOp remove = Put("k", kMergedAt + 1, {});
  remove.kind = OpKind::kRemove;
  state::FeedEntryView entry;
  Run({Put("k", kMergedAt, "1"), remove});
  ASSERT_TRUE(state::DecodeFeedEntry(request_.entry, &entry));
  ASSERT_EQ(entry.changes.size(), 1u);
  EXPECT_EQ(entry.changes[0].flags, state::kChangeCreated) << "absent when the batch began";
  Run({Put("k", kMergedAt + 2, "2")});
  ASSERT_TRUE(state::DecodeFeedEntry(request_.entry, &entry));
  EXPECT_EQ(entry.changes[0].flags, 0) << "there was a tombstone";
}

TEST_F(MergeBatchTest, AnEqualValueWithANewerTimestampIsEchoed) {
  Run({Put("k", kMergedAt, "1")});
  Run({Put("k", kMergedAt + 1, "1")});
  state::FeedEntryView entry;
  ASSERT_TRUE(state::DecodeFeedEntry(request_.entry, &entry));
  EXPECT_EQ(entry.changes[0].flags, state::kChangeWasLive | state::kChangeTellOrigin);
}

TEST_F(MergeBatchTest, EqualTimestampWithAnotherValueLetsTheLaterArrivalWin) {
  Run({Put("k", kMergedAt, "1")});
  EXPECT_EQ(Run({Put("k", kMergedAt, "2")}), Outcomes({Outcome::kRestamped}));
  const state::CellView stored = Stored("k");
  EXPECT_EQ(stored.value, "2");
  EXPECT_EQ(stored.timestamp.node_id, "sync-0");
  EXPECT_GT(stored.timestamp, (crdt::TimestampView{kMergedAt, 0, "client"}));
}

TEST_F(MergeBatchTest, AResentRestampedOpKeepsItsStamp) {
  Run({Put("k", kMergedAt, "1")});
  Run({Put("k", kMergedAt, "2")});
  const crdt::Timestamp assigned(Stored("k").timestamp);
  EXPECT_EQ(Run({Put("k", kMergedAt, "2")}), Outcomes({Outcome::kStale}))
      << "older than what is stored, nothing changes";
  wall_.Advance(1000);
  Run({Put("k", kMergedAt + 500, "newer")});
  Run({Put("k", kMergedAt, "2")});
  EXPECT_EQ(Stored("k").value, "newer") << "a re-send never beats a later write";
}

// Its author may not have heard before: its own stamp would hide what is stored for ever.
TEST_F(MergeBatchTest, AResentRestampedOpThatHasLostSinceIsStillAnsweredAsSuch) {
  const int64_t ahead = kMergedAt + crdt::kDriftMaxMs + 1;
  Run({Put("k", ahead, "1")});
  wall_.Advance(1000);
  WriteOp newer = Put("k", kMergedAt + 1000, "2");
  newer.origin = 2;
  EXPECT_EQ(Run({newer, Put("k", ahead, "1")}), Outcomes({Outcome::kApplied, Outcome::kRestamped}));
  EXPECT_EQ(Stored("k").value, "2");
  state::FeedEntryView entry;
  ASSERT_TRUE(state::DecodeFeedEntry(request_.entry, &entry));
  ASSERT_EQ(entry.changes.size(), 1u);
  EXPECT_EQ(entry.origins[entry.changes[0].origin], "other");
}

// Accepted clocks of up to a minute ahead drive the server's clock: its ticks would hide what
// everybody writes for so long.
TEST_F(MergeBatchTest, ANewStampIsNoFurtherAheadThanItMustBe) {
  Run({Put("of a fast clock", kMergedAt + crdt::kDriftMaxMs, "1")});
  EXPECT_EQ(Run({Put("k", kMergedAt + crdt::kDriftMaxMs + 1, "1")}),
            Outcomes({Outcome::kRestamped}));
  EXPECT_EQ(Stored("k").timestamp.millis, kMergedAt);
  Run({Put("c", kMergedAt, "1")});
  EXPECT_EQ(Run({Put("c", kMergedAt, "2")}), Outcomes({Outcome::kRestamped}));
  EXPECT_EQ(Run({Put("k", kMergedAt + 1, "2"), Put("c", kMergedAt + 1, "3")}),
            Outcomes({Outcome::kApplied, Outcome::kApplied}));
}

TEST_F(MergeBatchTest, ANewStampBeatsWhatIsStored) {
  WriteOp stored = Put("k", kMergedAt + 500, "1");
  stored.timestamp.counter = 0xffff'ffff;
  Run({stored});
  EXPECT_EQ(Run({Put("k", kMergedAt + crdt::kDriftMaxMs + 1, "2")}),
            Outcomes({Outcome::kRestamped}));
  EXPECT_EQ(Stored("k").value, "2");
  EXPECT_EQ(Run({Put("k", kMergedAt + crdt::kDriftMaxMs + 1, "3")}),
            Outcomes({Outcome::kRestamped}));
  EXPECT_EQ(Stored("k").value, "3");
}

TEST_F(MergeBatchTest, AClockFarAheadIsReplacedOnceAndForAll) {
  const int64_t ahead = kMergedAt + crdt::kDriftMaxMs + 1;
  EXPECT_EQ(Run({Put("k", ahead, "1")}), Outcomes({Outcome::kRestamped}));
  const crdt::Timestamp assigned(Stored("k").timestamp);
  EXPECT_LE(assigned.millis, kMergedAt + crdt::kDriftMaxMs);
  EXPECT_EQ(Run({Put("k", ahead, "1")}), Outcomes({Outcome::kRestamped}))
      << "the writer may not know its timestamp yet";
  EXPECT_TRUE(request_.entry.empty()) << "nothing changes";
  EXPECT_EQ(crdt::Timestamp(Stored("k").timestamp), assigned);
  EXPECT_EQ(Run({Put("k", kMergedAt + crdt::kDriftMaxMs, "limit")}), Outcomes({Outcome::kApplied}));
}

TEST_F(MergeBatchTest, AClampedOpDoesNotBeatNewerWritesWhenItsTimeHasCome) {
  const int64_t ahead = kMergedAt + crdt::kDriftMaxMs + 1;
  WriteOp remove = Put("removed", ahead, {});
  remove.kind = OpKind::kRemove;
  Run({Put("k", ahead, "1"), Put("kept", ahead, "1"), remove});
  wall_.Advance(1000);
  Run({Put("k", kMergedAt + 1000, "newer"), Put("removed", kMergedAt + 1000, "newer")});
  wall_.Set(ahead + 1);
  EXPECT_EQ(Run({Put("k", ahead, "1"), Put("kept", ahead, "1"), remove}),
            Outcomes({Outcome::kRestamped, Outcome::kRestamped, Outcome::kRestamped}));
  EXPECT_EQ(Stored("k").value, "newer");
  EXPECT_EQ(Stored("removed").value, "newer");
  EXPECT_EQ(Run({Put("k", ahead, "first sent now")}), Outcomes({Outcome::kApplied}));
  EXPECT_EQ(Run({Put("other", ahead, "1")}), Outcomes({Outcome::kApplied}));
}

TEST_F(MergeBatchTest, OnlyNodesWhoseClocksWereAheadAreLookedUp) {
  const int64_t ahead = kMergedAt + crdt::kDriftMaxMs + 1;
  Run({Put("k", ahead, "1"), Put("k", ahead + 500, "2")});
  EXPECT_TRUE(Touched(state::kClampMap));
  wall_.Set(ahead + 1000);
  Run({Put("k", ahead + 250, "3")});
  EXPECT_TRUE(Touched(state::kRestampMap)) << "within the range of what was clamped";
  Run({Put("k", ahead + 501, "4")});
  EXPECT_FALSE(Touched(state::kRestampMap)) << "beyond the range";
  WriteOp honest = Put("k", ahead + 502, "5");
  honest.timestamp.node_id = "honest";
  Run({honest});
  EXPECT_FALSE(Touched(state::kRestampMap));
  Run({Put("k", ahead, "old")});
  EXPECT_FALSE(Touched(state::kClampMap)) << "it loses anyway";
  expect_clamps_ = false;
  Run({Put("k", ahead + 503, "6")});
  EXPECT_FALSE(Touched(state::kClampMap)) << "a shard without clamps pays nothing";
}

TEST_F(MergeBatchTest, AnOpWithoutTimestampIsStampedByTheServer) {
  Run({Put("k", kMergedAt + 1000, "1")});
  WriteOp remove = Put("k", 0, {});
  remove.kind = OpKind::kRemove;
  remove.timestamp = {};
  EXPECT_EQ(Run({remove}), Outcomes({Outcome::kApplied})) << "newer than what it removes";
  EXPECT_TRUE(Stored("k").tombstone);
}

TEST_F(MergeBatchTest, StopsAtItsLimits) {
  MergeBatch small({.cells_max = 2, .ops_max = 100, .bytes_max = 1 << 20});
  WritePart part;
  part.maps = {"m"};
  part.origins = {""};
  part.ops = {Put("a", 1, "v"), Put("b", 1, "v"), Put("c", 1, "v")};
  PartState state(std::move(part));
  PendingOps pending;
  pending.Add(state);
  while (!small.full()) small.Take(pending.TakeOldest());
  EXPECT_EQ(small.cell_count(), 2u);
  EXPECT_EQ(pending.cell_count(), 1u);
}

TEST(PendingOps, GathersTheOpsOfACellFromAllPartsInTheirOrder) {
  const auto part_of = [](std::vector<WriteOp> ops) {
    WritePart part;
    part.maps = {"m", "other"};
    part.origins = {""};
    part.ops = std::move(ops);
    return part;
  };
  const auto op = [](uint32_t map, std::string_view key, OpKind kind = OpKind::kPut) {
    WriteOp out;
    out.kind = kind;
    out.map = map;
    out.key = key;
    out.value = "v";
    return out;
  };
  PartState first(part_of({op(0, "a"), op(0, "b"), op(1, "a"), op(0, "a", OpKind::kOrAdd)}));
  PartState second(part_of({op(0, "b"), op(0, "a"), op(0, "c")}));
  PendingOps pending;
  pending.Add(first);
  pending.Add(second);
  EXPECT_EQ(pending.cell_count(), 5u) << "maps, and kinds of maps, are apart";

  const PendingCell a = pending.TakeOldest();
  EXPECT_EQ(a.key, "a");
  EXPECT_EQ(a.op_count, 2u);
  EXPECT_EQ(a.bytes, 4u);
  EXPECT_EQ(a.first, &first.ops[0]);
  EXPECT_EQ(a.first->next, &second.ops[1]);
  EXPECT_EQ(a.last, &second.ops[1]);
  EXPECT_EQ(a.last->next, nullptr);
  EXPECT_EQ(pending.TakeOldest().key, "b");

  PartState third(part_of({op(0, "a")}));
  pending.Add(third);
  EXPECT_EQ(pending.cell_count(), 4u) << "what was taken does not wait any more";
}

TEST(Restamp, RoundTripAndDistinctKeys) {
  const std::string encoded = EncodeRestamp({5, 6, "node"});
  EXPECT_EQ(DecodeRestamp(encoded), (crdt::TimestampView{5, 6, "node"}));
  EXPECT_FALSE(DecodeRestamp("").has_value());
  EXPECT_FALSE(DecodeRestamp(encoded.substr(0, 3)).has_value());
  EXPECT_NE(RestampKey("m", "k", Record(1, "x")), RestampKey("m", "k", Record(1, "y")));
  EXPECT_NE(RestampKey("m", "k", Record(1, "x")), RestampKey("mk", "", Record(1, "x")));
}

TEST(Restamp, ClampedClocksRoundTrip) {
  const auto clocks = DecodeClamps(EncodeClamps({-5, 6}));
  ASSERT_TRUE(clocks.has_value());
  EXPECT_EQ(clocks->from, -5);
  EXPECT_EQ(clocks->upto, 6);
  EXPECT_FALSE(DecodeClamps("").has_value());
  EXPECT_FALSE(DecodeClamps(EncodeRestamp({5, 6, "node"})).has_value());
}

}  // namespace
}  // namespace topgun::sync
