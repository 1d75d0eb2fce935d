// The pure parts of storage-service: coalescing, contiguity, trimming, division of the shards.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "shard/claim_plan.h"
#include "shard/feed_cursor.h"
#include "shard/trim_window.h"
#include "shard/write_batch.h"
#include "state/cell.h"
#include "state/feed_entry.h"

namespace topgun::storage {
namespace {

struct Change {
  std::string map;
  std::string key;
  std::string value;
};

std::string Commit(Position position, int64_t wall_ms, const std::vector<Change>& changes) {
  state::FeedEntryBuilder builder;
  for (const Change& change : changes) {
    state::CellView cell;
    cell.version = position;
    cell.timestamp = {wall_ms, 0, "node"};
    cell.value = change.value;
    const std::string encoded = state::EncodeCell(cell);
    builder.Add({CellKind::kLww, 0, builder.MapIndex(change.map), 0, change.key, "", encoded});
  }
  return builder.Build(wall_ms);
}

// "map/key=value" of each row, in order of the first change.
std::vector<std::string> Rows(const WriteBatch& batch) {
  std::vector<std::string> out;
  for (const CellRow& row : batch.rows()) {
    state::CellView cell;
    EXPECT_TRUE(state::DecodeCell(row.cell, &cell));
    out.push_back(std::string(row.map) + "/" + std::string(row.key) + "=" +
                  std::string(cell.value));
  }
  return out;
}

TEST(WriteBatchTest, TheLastChangeOfACellWins) {
  WriteBatch batch({5, 10}, 1000);
  ASSERT_TRUE(
      batch.AddEntry({5, 11}, 1100, Commit({5, 11}, 70, {{"m", "a", "1"}, {"m", "b", "1"}})));
  ASSERT_TRUE(
      batch.AddEntry({5, 12}, 1200, Commit({5, 12}, 80, {{"m", "a", "2"}, {"w", "a", "3"}})));
  EXPECT_EQ(Rows(batch), (std::vector<std::string>{"m/a=2", "m/b=1", "w/a=3"}));
  EXPECT_EQ(batch.changes(), 4U);
  EXPECT_EQ(batch.from(), (Position{5, 10}));
  EXPECT_EQ(batch.to(), (Position{5, 12}));
  EXPECT_EQ(batch.bytes(), 1200U);
  EXPECT_EQ(batch.oldest_wall_ms(), 70);
}

TEST(WriteBatchTest, ADroppedCellIsARowToDeleteUnlessItIsWrittenAgain) {
  const auto prune = [](const std::string& key) {
    state::FeedEntryBuilder builder;
    const std::string cell = state::EncodeCell({});
    builder.Add({CellKind::kLww, state::kChangePruned, builder.MapIndex("m"), 0, key, "", cell});
    return builder.Build(90);
  };
  WriteBatch batch({5, 10}, 0);
  ASSERT_TRUE(batch.AddEntry({5, 11}, 10, Commit({5, 11}, 70, {{"m", "a", "1"}, {"m", "b", "1"}})));
  ASSERT_TRUE(batch.AddEntry({5, 12}, 20, prune("a")));
  ASSERT_TRUE(batch.AddEntry({5, 13}, 30, prune("b")));
  ASSERT_TRUE(batch.AddEntry({5, 14}, 40, Commit({5, 14}, 99, {{"m", "b", "2"}})));
  ASSERT_EQ(batch.rows().size(), 2U);
  EXPECT_TRUE(batch.rows()[0].pruned);
  EXPECT_FALSE(batch.rows()[1].pruned);
  EXPECT_EQ(Rows(batch)[1], "m/b=2");
}

TEST(WriteBatchTest, ACellIsCreatedWhenItsFirstChangeSaysSo) {
  const auto change = [](const std::string& key, uint8_t flags) {
    state::FeedEntryBuilder builder;
    const std::string cell = state::EncodeCell({});
    builder.Add({CellKind::kLww, flags, builder.MapIndex("m"), 0, key, "", cell});
    return builder.Build(90);
  };
  using state::kChangeCreated;
  using state::kChangePruned;
  using state::kChangeWasLive;
  WriteBatch batch({5, 10}, 0);
  uint64_t n = 10;
  for (const auto& [key, flags] :
       std::vector<std::pair<std::string, uint8_t>>{{"new", kChangeCreated},
                                                    {"new", kChangeWasLive},  // a live row
                                                    {"old", kChangeWasLive},
                                                    {"old", kChangePruned},
                                                    {"old", kChangeCreated},  // still there
                                                    {"brief", kChangeCreated},
                                                    {"brief", kChangePruned},
                                                    {"again", kChangeCreated},
                                                    {"again", kChangePruned},
                                                    {"again", kChangeCreated}}) {
    ++n;
    ASSERT_TRUE(batch.AddEntry({5, n}, n, change(key, flags)));
  }
  std::map<std::string, std::pair<bool, bool>> rows;  // created, pruned
  for (const CellRow& row : batch.rows()) rows[std::string(row.key)] = {row.created, row.pruned};
  EXPECT_EQ(rows, (std::map<std::string, std::pair<bool, bool>>{{"new", {true, false}},
                                                                {"old", {false, false}},
                                                                {"brief", {true, true}},
                                                                {"again", {true, false}}}));
}

TEST(WriteBatchTest, AKeyAndATagAreNotConfusedWithTheirConcatenation) {
  WriteBatch batch({}, 0);
  batch.AddCell({CellKind::kOr, "m", "ab", "c", "x"});
  batch.AddCell({CellKind::kOr, "m", "a", "bc", "y"});
  batch.AddCell({CellKind::kLww, "m", "ab", "c", "z"});
  EXPECT_EQ(batch.rows().size(), 3U);
}

TEST(WriteBatchTest, OutlivesTheBytesItWasGiven) {
  WriteBatch batch({}, 0);
  {
    std::string entry = Commit({1, 1}, 1, {{"m", "k", "value"}});
    ASSERT_TRUE(batch.AddEntry({1, 1}, 10, entry));
    entry.assign(entry.size(), '\xff');
  }
  EXPECT_EQ(Rows(batch), std::vector<std::string>{"m/k=value"});
}

TEST(WriteBatchTest, KeepsSoManyTraces) {
  WriteBatch batch({1, 1}, 10);
  for (uint64_t n = 2; n < 8; ++n) {
    state::FeedEntryBuilder builder;
    for (size_t i = 0; i < state::FeedEntryBuilder::kTracesMax; ++i) {
      builder.AddTrace({"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1"});
    }
    ASSERT_TRUE(batch.AddEntry({1, n}, n, builder.Build(1)));
  }
  ASSERT_EQ(batch.traces().size(), WriteBatch::kTracesMax);
  EXPECT_EQ(batch.traces()[0].context.state, "vendor=1");
}

TEST(WriteBatchTest, AMalformedEntryChangesNothing) {
  WriteBatch batch({1, 1}, 10);
  EXPECT_FALSE(batch.AddEntry({1, 2}, 20, "\x01garbage"));
  EXPECT_EQ(batch.to(), (Position{1, 1}));
  EXPECT_EQ(batch.held_bytes(), 0U);
  EXPECT_TRUE(batch.rows().empty());
}

TEST(WriteBatchTest, AMarkerMovesThePositionOnly) {
  WriteBatch batch({1, 1}, 10);
  ASSERT_TRUE(batch.AddEntry({2, 2}, 20, state::EncodeMarker(99, {1, 1})));
  EXPECT_EQ(batch.to(), (Position{2, 2}));
  EXPECT_TRUE(batch.rows().empty());
}

TEST(FeedCursorTest, OnlyTheNextCommitFollows) {
  EXPECT_EQ(NextStep({3, 7}, {3, 8}, nullptr), Step::kNext);
  EXPECT_EQ(NextStep({3, 7}, {3, 9}, nullptr), Step::kGap);
  EXPECT_EQ(NextStep({3, 7}, {3, 7}, nullptr), Step::kGap);
  EXPECT_EQ(NextStep({3, 7}, {4, 8}, nullptr), Step::kGap);
}

TEST(FeedCursorTest, AMarkerNamesWhatItFollows) {
  const Position same{3, 7};
  const Position earlier{3, 5};
  const Position nothing{0, 0};
  const Position later{3, 9};
  EXPECT_EQ(NextStep({3, 7}, {4, 8}, &same), Step::kNext);
  EXPECT_EQ(NextStep({3, 7}, {4, 8}, &earlier), Step::kRewound);
  EXPECT_EQ(NextStep({3, 7}, {4, 8}, &nothing), Step::kRewound);
  EXPECT_EQ(NextStep({3, 7}, {4, 10}, &later), Step::kGap);
}

TEST(FeedCursorTest, AMarkerAfterAMissedIncarnationIsAGap) {
  const Position missed{4, 20};
  EXPECT_EQ(NextStep({3, 7}, {5, 21}, &missed), Step::kGap);
}

TEST(TrimWindowTest, KeepsWhatIsYoung) {
  TrimWindow window(1000, 1 << 30);
  window.Persisted({1, 10}, 100, 0);
  window.Persisted({1, 20}, 200, 500);
  EXPECT_EQ(window.Boundary(999), (Position{0, 0}));
  EXPECT_EQ(window.Boundary(1000), (Position{1, 11}));
  EXPECT_EQ(window.Boundary(1499), (Position{1, 11}));
  EXPECT_EQ(window.Boundary(1500), (Position{1, 21}));
}

TEST(TrimWindowTest, KeepsNoMoreThanItsBytes) {
  TrimWindow window(1'000'000, 6400);
  window.Persisted({1, 1}, 100, 0);
  window.Persisted({1, 2}, 3000, 1);
  EXPECT_EQ(window.Boundary(2), (Position{0, 0}));
  window.Persisted({1, 3}, 6500, 2);
  EXPECT_EQ(window.Boundary(2), (Position{1, 2}));
  window.Persisted({1, 4}, 20000, 3);
  EXPECT_EQ(window.Boundary(3), (Position{1, 4}));
}

TEST(TrimWindowTest, StartsOverWhenTheBytesDo) {
  TrimWindow window(1000, 1 << 30);
  window.Persisted({1, 10}, 5000, 0);
  window.Persisted({2, 11}, 40, 900);  // Redis was emptied
  EXPECT_EQ(window.Boundary(1000), (Position{0, 0}));
  EXPECT_EQ(window.Boundary(1900), (Position{2, 12}));
}

LeaseState Leases(const std::vector<std::string>& owners, std::vector<std::string> processes) {
  LeaseState state;
  for (size_t i = 0; i < owners.size(); ++i) {
    state.leases.push_back({static_cast<uint32_t>(i), owners[i], ""});
  }
  state.processes = std::move(processes);
  return state;
}

TEST(ClaimPlanTest, ALoneProcessTakesEverything) {
  const ClaimPlan plan = PlanClaims("a", Leases({"", "", ""}, {"a"}));
  EXPECT_EQ(plan.claim, (std::vector<uint32_t>{0, 1, 2}));
  EXPECT_TRUE(plan.release.empty());
}

TEST(ClaimPlanTest, TheNewcomerWaitsAndTheOwnerReleases) {
  const LeaseState state = Leases({"a", "a", "a", "a"}, {"a", "b"});
  EXPECT_EQ(PlanClaims("a", state).release.size(), 2U);
  const ClaimPlan newcomer = PlanClaims("b", state);
  EXPECT_TRUE(newcomer.claim.empty());
  EXPECT_EQ(newcomer.missing, 2U);
}

TEST(ClaimPlanTest, AProcessWithoutHeartbeatDoesNothing) {
  const ClaimPlan plan = PlanClaims("a", Leases({"", ""}, {"b"}));
  EXPECT_TRUE(plan.claim.empty());
  EXPECT_TRUE(plan.release.empty());
}

// Whatever the start, claims and releases end in a fair division, and then nothing moves.
TEST(ClaimPlanTest, SettlesFromEveryStart) {
  const std::vector<std::string> processes = {"a", "b", "c"};
  for (const std::vector<std::string>& start :
       {std::vector<std::string>(10, ""), std::vector<std::string>(10, "c"),
        std::vector<std::string>{"a", "a", "b", "", "c", "c", "c", "c", "c", ""}}) {
    LeaseState state = Leases(start, processes);
    bool moved = true;
    int rounds = 0;
    for (; moved && rounds < 10; ++rounds) {
      moved = false;
      for (const std::string& self : processes) {
        const ClaimPlan plan = PlanClaims(self, state);
        for (const uint32_t shard : plan.claim) state.leases[shard].owner = self;
        for (const uint32_t shard : plan.release) state.leases[shard].owner.clear();
        moved = moved || !plan.claim.empty() || !plan.release.empty();
      }
    }
    EXPECT_LT(rounds, 10);
    std::map<std::string, int> held;
    for (const Lease& lease : state.leases) ++held[lease.owner];
    EXPECT_EQ(held, (std::map<std::string, int>{{"a", 4}, {"b", 3}, {"c", 3}}));
  }
}

}  // namespace
}  // namespace topgun::storage
