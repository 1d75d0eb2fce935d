// The scan of one loop's part of a map: slices with changes in between, the order of keys that is
// built in slices, the best rows of many, limits.
#include "domain/query_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "state/cell.h"
#include "support/random.h"
#include "sync_selection_fixture.h"

namespace topgun::sync {
namespace {

constexpr int64_t kScannedAt = 1'700'000'000'000;
constexpr size_t kNoLimit = 1'000'000;
constexpr std::chrono::hours kNoTimeLimit{1};

std::string PaddedKey(size_t number) {
  const std::string digits = std::to_string(number);
  return "k" + std::string(6 - digits.size(), '0') + digits;
}

class QueryScanTest : public testing::Test {
 protected:
  std::string Put(const std::string& key, const std::string& json, uint32_t shard = 0) {
    const std::string value = Packed(json);
    state::CellView cell;
    cell.version = {1, ++n_};
    cell.timestamp = {kScannedAt, 0, "n"};
    cell.value = value;
    std::string encoded = state::EncodeCell(cell);
    content_.Apply(shard, key, "", encoded);
    return encoded;
  }
  void Remove(const std::string& key) {
    state::CellView cell;
    cell.version = {1, ++n_};
    cell.timestamp = {kScannedAt, 0, "n"};
    cell.tombstone = true;
    content_.Apply(0, key, "", state::EncodeCell(cell));
  }
  void PutNumbered(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      Put(PaddedKey(i), R"({"n":)" + std::to_string(i) + "}", static_cast<uint32_t>(i % 2));
    }
  }
  // Slices until the scan is complete.
  size_t Finish(QueryScan& scan, const SliceLimits& limits) {
    for (size_t slices = 1; slices < kNoLimit; ++slices) {
      const StatusOr<bool> complete = scan.Continue(limits);
      EXPECT_TRUE(complete.ok()) << Message(complete.status());
      if (!complete.ok() || *complete) return slices;
    }
    ADD_FAILURE() << "the scan does not end";
    return 0;
  }
  static std::vector<Row> RowsOf(QueryScan& scan) {
    std::vector<Row> rows;
    for (RankedRow& row : scan.Take().rows) rows.push_back(std::move(row.row));
    return rows;
  }

  LwwContent content_;
  uint64_t n_ = 0;
};

TEST_F(QueryScanTest, ASliceLooksAtSoManyCells) {
  PutNumbered(100);
  for (size_t i = 0; i < 50; ++i) Remove(PaddedKey(2 * i));
  QueryScan scan(content_, SelectionOf({}, kNoLimit), kScannedAt);
  ASSERT_TRUE(scan.Continue({kNoLimit, kNoTimeLimit}).ok()) << "puts the keys in order";
  for (size_t cells = 10; cells < 100; cells += 10) {
    ASSERT_FALSE(*scan.Continue({10, kNoTimeLimit}));
    EXPECT_EQ(scan.cells(), cells) << "hidden ones count as well";
  }
  EXPECT_TRUE(*scan.Continue({10, kNoTimeLimit}));
  EXPECT_EQ(scan.Take().live_rows, 50U);
}

TEST_F(QueryScanTest, ASliceEndsWhenItsTimeIsOver) {
  PutNumbered(100);
  QueryScan scan(content_, SelectionOf({}, kNoLimit), kScannedAt);
  const SliceLimits no_time{kNoLimit, std::chrono::microseconds{0}};
  ASSERT_FALSE(*scan.Continue(no_time));
  ASSERT_FALSE(*scan.Continue(no_time));
  EXPECT_GT(scan.cells(), 0U) << "every slice looks at some";
  EXPECT_LT(scan.cells(), 20U);
  Finish(scan, no_time);
  EXPECT_EQ(RowsOf(scan).size(), 100U);
}

TEST_F(QueryScanTest, WhatDoesNotChangeIsFoundOnceWhateverChangesBetweenSlices) {
  support::Random random(support::TestSeed());
  PutNumbered(200);
  std::set<std::string> untouched;
  for (size_t i = 1; i < 200; i += 3) untouched.insert(PaddedKey(i));
  QueryScan scan(content_, SelectionOf({}, kNoLimit), kScannedAt);
  for (;;) {
    const StatusOr<bool> complete = scan.Continue({7, kNoTimeLimit});
    ASSERT_TRUE(complete.ok());
    if (*complete) break;
    for (int i = 0; i < 5; ++i) {
      const std::string key = PaddedKey(random.Below(300));
      if (untouched.contains(key)) continue;
      const std::string cell = Put(key, R"({"n":-1})");
      if (random.OneIn(2)) content_.Prune(0, key, "", cell);
    }
  }
  std::vector<std::string> keys;
  for (const Row& row : RowsOf(scan)) {
    keys.push_back(row.key);
    untouched.erase(row.key);
  }
  EXPECT_TRUE(untouched.empty()) << *untouched.begin();
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
}

TEST_F(QueryScanTest, GoesOnBehindACellThatIsGone) {
  PutNumbered(3);
  const std::string cell = Put("k000001x", "{}");
  QueryScan scan(content_, SelectionOf({}, kNoLimit), kScannedAt);
  ASSERT_FALSE(*scan.Continue({kNoLimit, kNoTimeLimit}));
  ASSERT_FALSE(*scan.Continue({2, kNoTimeLimit}));
  content_.Prune(0, "k000001x", "", cell);
  ASSERT_TRUE(*scan.Continue({2, kNoTimeLimit}));
  EXPECT_EQ(KeysOfRows(RowsOf(scan)), "k000000 k000001 k000002");
}

TEST_F(QueryScanTest, RowsKeptFromASliceAreThoseOfThatTime) {
  PutNumbered(4);
  QueryScan scan(content_, SelectionOf({.sort = R"([{"field":"n","direction":"desc"}])"}, 2),
                 kScannedAt);
  ASSERT_FALSE(*scan.Continue({kNoLimit, kNoTimeLimit}));
  ASSERT_FALSE(*scan.Continue({3, kNoTimeLimit}));
  for (size_t i = 0; i < 3; ++i) Put(PaddedKey(i), R"({"n":"changed"})");
  ASSERT_TRUE(*scan.Continue({3, kNoTimeLimit}));
  const std::vector<Row> rows = RowsOf(scan);
  EXPECT_EQ(KeysOfRows(rows), "k000003 k000002");
  EXPECT_EQ(rows[1].value, Packed(R"({"n":2})"));
}

TEST_F(QueryScanTest, WithoutSortAPageBeginsBehindItsCursor) {
  PutNumbered(100);
  QueryScan scan(content_, SelectionOf({}, 2, PaddedKey(90)), kScannedAt);
  Finish(scan, {kNoLimit, kNoTimeLimit});
  EXPECT_EQ(scan.cells(), 10U) << "the rows before it are not looked at";
  const Selected selected = scan.Take();
  EXPECT_EQ(selected.live_rows, 9U);
  ASSERT_EQ(selected.rows.size(), 2U);
  EXPECT_EQ(selected.rows[0].row.key, PaddedKey(91));
  EXPECT_EQ(selected.rows[1].row.key, PaddedKey(92));
}

TEST_F(QueryScanTest, MoreGroupsThanFitAreRefused) {
  for (size_t i = 0; i <= query::GroupTable::kGroupsMax; ++i) {
    Put(PaddedKey(i), R"({"n":)" + std::to_string(i) + "}");
  }
  QueryScan scan(content_, SelectionOf({.group_by = R"(["n"])"}, 1), kScannedAt);
  StatusOr<bool> complete = false;
  while (complete.ok() && !*complete) complete = scan.Continue({kNoLimit, kNoTimeLimit});
  EXPECT_EQ(complete.status().code(), StatusCode::kResourceExhausted);
}

// ---- The order of keys ----

TEST_F(QueryScanTest, TheOrderIsBuiltInSlicesWhateverChangesMeanwhile) {
  support::Random random(support::TestSeed());
  PutNumbered(500);
  std::set<std::string> keys;
  for (size_t i = 0; i < 500; ++i) keys.insert(PaddedKey(i));
  size_t slices = 0;
  while (!content_.in_order()) {
    content_.PutInOrder(20);
    ASSERT_LT(++slices, 100U);
    const std::string key = PaddedKey(random.Below(1000));
    const std::string cell = Put(key, "{}");
    keys.insert(key);
    if (random.OneIn(2)) {
      content_.Prune(0, key, "", cell);
      keys.erase(key);
    }
  }
  EXPECT_GT(slices, 10U);
  const std::vector<Row> rows = content_.LiveRows(kNoLimit, kScannedAt);
  ASSERT_EQ(rows.size(), keys.size());
  EXPECT_TRUE(std::equal(rows.begin(), rows.end(), keys.begin(),
                         [](const Row& row, const std::string& key) { return row.key == key; }));
}

TEST_F(QueryScanTest, APlainReadFinishesTheOrderThatAScanHasBegun) {
  PutNumbered(100);
  content_.PutInOrder(10);
  ASSERT_FALSE(content_.in_order());
  EXPECT_EQ(content_.LiveRows(kNoLimit, kScannedAt).size(), 100U);
  content_.DropShard(1);
  EXPECT_EQ(content_.LiveRows(kNoLimit, kScannedAt).size(), 50U);
}

// ---- The best rows ----

TEST(TopRows, KeepsTheBestOfThoseOffered) {
  support::Random random(support::TestSeed());
  for (const size_t rows_max : {0U, 1U, 7U, 100U, 1000U}) {
    TopRows best(rows_max);
    std::vector<std::string> ranks;
    std::vector<std::string> values;
    for (size_t i = 0; i < 400; ++i) values.push_back("v" + std::to_string(i));
    for (size_t i = 0; i < 400; ++i) {
      std::string rank = PaddedKey(random.Below(1'000'000));
      ranks.push_back(rank + " " + values[i]);
      best.Offer(rank = ranks.back(), {values[i], values[i], 1.5});
      if (random.OneIn(10)) best.Settle();
    }
    best.Settle();
    values.clear();  // nothing is borrowed any more
    std::sort(ranks.begin(), ranks.end());
    ranks.resize(std::min(ranks.size(), rows_max));
    const std::vector<RankedRow> taken = best.Take();
    ASSERT_EQ(taken.size(), ranks.size());
    for (size_t i = 0; i < taken.size(); ++i) {
      EXPECT_EQ(taken[i].rank, ranks[i]);
      EXPECT_EQ(taken[i].row.value, ranks[i].substr(ranks[i].find(' ') + 1));
      EXPECT_EQ(taken[i].row.key, taken[i].row.value);
      EXPECT_EQ(taken[i].row.expires_ms, 1.5);
    }
  }
}

}  // namespace
}  // namespace topgun::sync
