// Searching the views of all loops: the answer is that of one index over the whole map, whatever
// happened to it, and the loops do other things meanwhile.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/map_index.h"
#include "msgpack/writer.h"
#include "search/search.h"
#include "support/random.h"
#include "sync_view_fakes.h"

namespace topgun::sync {
namespace {

using state::CellKind;

std::string Text(std::string_view text) {
  std::string value;
  msgpack::Writer(value).Str(text);
  return value;
}

MapSearch Wanted(std::string_view query, size_t limit = 10) {
  MapSearch wanted;
  wanted.query = *search::SearchQuery::Parse(query);
  wanted.limit = limit;
  return wanted;
}

class MapSearchTest : public ::testing::Test {
 protected:
  explicit MapSearchTest(const ViewLimits& limits = {}) : cluster_(limits) {}

  void Put(std::string_view key, std::string_view text, double ttl_ms = 0) {
    const std::string value = Text(text);
    WriteOp op;
    op.key = key;
    op.value = value;
    op.timestamp = {cluster_.wall().NowMs(), ++counter_, "client"};
    op.has_ttl = ttl_ms > 0;
    op.ttl_ms = ttl_ms;
    ASSERT_EQ(cluster_.Write("m", op), Outcome::kApplied);
  }
  void Remove(std::string_view key) {
    WriteOp op;
    op.kind = OpKind::kRemove;
    op.key = key;
    op.timestamp = {cluster_.wall().NowMs(), ++counter_, "client"};
    ASSERT_EQ(cluster_.Write("m", op), Outcome::kApplied);
  }
  // "a b", best first.
  std::string Find(std::string_view query) { return Keys(cluster_.Search("m", Wanted(query))); }
  static std::string Keys(const StatusOr<std::vector<FoundRecord>>& found) {
    if (!found.ok()) return ToString(found.status());
    std::string keys;
    for (const FoundRecord& record : *found) keys += (keys.empty() ? "" : " ") + record.key;
    return keys;
  }

  ViewCluster cluster_;
  int64_t counter_ = 0;
};

TEST_F(MapSearchTest, AMapThatWasNeverWrittenHasNoHits) { EXPECT_EQ(Find("word"), ""); }

TEST_F(MapSearchTest, TheLoopsAnswerLikeOneIndex) {
  search::SearchIndex whole;
  support::Random random(support::TestSeed());
  for (int i = 0; i < 100; ++i) {
    std::string text;
    for (uint64_t words = random.Below(6); words > 0; --words) {
      text += std::string(1, static_cast<char>('a' + random.Below(6))) + ' ';
    }
    const std::string key = "k" + std::to_string(i);
    Put(key, text);
    whole.Put(key, Text(text));
  }
  for (const std::string_view text : {"a", "b c", "\"a b\"", "+d -e", "f^3 a"}) {
    SCOPED_TRACE(text);
    const auto hits = search::Search(whole, *search::SearchQuery::Parse(text), 10, 0);
    const auto found = cluster_.Search("m", Wanted(text));
    ASSERT_TRUE(found.ok());
    ASSERT_GE(found->size(), hits.size());  // each loop has its best
    for (size_t i = 0; i < hits.size(); ++i) {
      EXPECT_EQ((*found)[i].key, hits[i].key);
      EXPECT_DOUBLE_EQ((*found)[i].score, hits[i].score);
    }
  }
}

TEST_F(MapSearchTest, ItFollowsWhatIsWritten) {
  Put("a", "apple");
  Put("b", "banana");
  EXPECT_EQ(Find("apple banana"), "a b");
  Put("b", "apple apple");
  Put("c", "cherry");
  EXPECT_EQ(Find("apple"), "b a");
  EXPECT_EQ(Find("banana"), "");
  EXPECT_EQ(Find("cherry"), "c");
  Remove("c");
  EXPECT_EQ(Find("cherry"), "");
  Put("c", "cherry");
  EXPECT_EQ(Find("cherry"), "c");
  cluster_.Prune(CellKind::kLww, "m", "c", "");
  EXPECT_EQ(Find("cherry"), "");
}

TEST_F(MapSearchTest, ExpiredRecordsAreNoHitsAndDoNotCount) {
  Put("a", "apple", 1'000);
  Put("b", "apple");
  const auto found = cluster_.Search("m", Wanted("apple"));
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].expires_ms, static_cast<double>(ViewCluster::kNow + 1'000));
  EXPECT_EQ((*found)[1].expires_ms, std::nullopt);
  const double of_two = (*found)[0].score;
  cluster_.wall().Advance(1'001);
  const auto later = cluster_.Search("m", Wanted("apple"));
  ASSERT_EQ(later->size(), 1U);
  EXPECT_EQ((*later)[0].key, "b");
  EXPECT_GT((*later)[0].score, of_two) << "the word is as rare as it is now";
  Put("a", "apple", 10'000);
  EXPECT_EQ(Find("apple"), "a b");
}

TEST_F(MapSearchTest, SingleRecordsAreScoredAlike) {
  for (int i = 0; i < 20; ++i) Put("k" + std::to_string(i), i % 2 == 0 ? "even" : "odd");
  MapSearch wanted = Wanted("even", 0);
  wanted.keys = {"k2", "k3", "unknown", "k4"};
  const auto some = cluster_.Search("m", wanted);
  EXPECT_EQ(Keys(some), "k2 k4") << "the limit does not count";
  const auto all = cluster_.Search("m", Wanted("even"));
  EXPECT_EQ((*some)[0].score, (*all)[0].score);
  wanted.min_score = (*some)[0].score;
  EXPECT_EQ(cluster_.Search("m", wanted)->size(), 2U) << "inclusive";
  wanted.min_score *= 1.01;
  EXPECT_EQ(cluster_.Search("m", wanted)->size(), 0U);
}

TEST_F(MapSearchTest, AGapInAFeedIsHealed) {
  for (int i = 0; i < 20; ++i) Put("k" + std::to_string(i), "word");
  EXPECT_EQ(cluster_.Search("m", Wanted("word", 100))->size(), 20U);
  for (uint32_t shard = 0; shard < ViewCluster::kShards; ++shard) cluster_.Interrupt(shard);
  Put("another", "word");
  EXPECT_EQ(cluster_.Search("m", Wanted("word", 100))->size(), 21U);
}

// Searches one loop's part, and counts its hits.
class OneStep {
 public:
  OneStep(
      ViewCluster& cluster, std::string_view query,
      std::function<bool()> wanted = [] { return true; }) {
    cluster.loop(0).CountTerms(
        "m", std::make_shared<const MapSearch>(Wanted(query)), std::move(wanted),
        [this](StatusOr<search::Statistics> statistics) { result = std::move(statistics); });
  }

  std::optional<StatusOr<search::Statistics>> result;
};

class LargeMapSearchTest : public MapSearchTest {
 protected:
  explicit LargeMapSearchTest(const ViewLimits& limits = {}) : MapSearchTest(limits) {
    for (int i = 0; i < 400; ++i) Put("k" + std::to_string(i), "word number" + std::to_string(i));
    EXPECT_TRUE(cluster_.Read("m", 1).ok());  // the view is built
  }
  double Indexed() { return cluster_.Metric("sync_search_indexed_records_total"); }
  // One task of the loops after the other, until something is being indexed.
  void Begin() {
    while (Indexed() == 0) ASSERT_TRUE(cluster_.scheduler().RunOne());
  }
};

TEST_F(LargeMapSearchTest, TheIndexIsMadeInSlices) {
  OneStep step(cluster_, "word");
  Begin();
  EXPECT_LT(Indexed(), 150);
  std::optional<uint64_t> live;
  cluster_.loop(0).Count(CellKind::kLww, "m", [&](StatusOr<uint64_t> count) { live = *count; });
  while (!live) ASSERT_TRUE(cluster_.scheduler().RunOne());
  EXPECT_FALSE(step.result.has_value()) << "others are served meanwhile";
  cluster_.scheduler().RunAll();
  ASSERT_TRUE(step.result.has_value() && step.result->ok());
  EXPECT_EQ((*step.result)->documents, *live);
  EXPECT_EQ(Indexed(), static_cast<double>(*live));
}

TEST_F(LargeMapSearchTest, OnlyWhatHasChangedIsIndexedAgain) {
  EXPECT_EQ(Find("number7"), "k7");
  const double once = Indexed();
  EXPECT_EQ(once, 400);
  for (int i = 0; i < 5; ++i) Put("k7", "changed");
  EXPECT_EQ(Indexed(), once) << "writes do not wait for it";
  EXPECT_EQ(Find("changed"), "k7");
  EXPECT_EQ(Indexed(), once + 1);
}

TEST_F(LargeMapSearchTest, ContentThatIsDroppedMakesItStartOver) {
  OneStep step(cluster_, "word");
  Begin();
  cluster_.Interrupt(0);
  cluster_.scheduler().Advance(5'000);
  ASSERT_TRUE(step.result.has_value() && step.result->ok());
  const auto live = cluster_.Count(CellKind::kLww, "m");
  EXPECT_EQ((*step.result)->documents, (*live)[0]);
  EXPECT_GE(cluster_.Metric("sync_searches_started_over_total"), 1);
}

TEST_F(LargeMapSearchTest, NobodySearchesForACallerWhoHasLeft) {
  bool wanted = true;
  OneStep step(cluster_, "word", [&] { return wanted; });
  Begin();
  wanted = false;
  cluster_.scheduler().RunAll();
  ASSERT_TRUE(step.result.has_value());
  EXPECT_EQ(step.result->status().code(), StatusCode::kCancelled);
  EXPECT_LT(Indexed(), 150);
}

TEST_F(LargeMapSearchTest, AnIndexThatNobodyUsesIsDropped) {
  EXPECT_EQ(Find("number7"), "k7");
  EXPECT_EQ(cluster_.Metric("sync_search_indexes"), 2);
  const double with_index = cluster_.Metric("sync_view_bytes");
  EXPECT_GT(cluster_.Metric("sync_search_index_bytes"), 10'000);
  cluster_.wall().Advance(ViewLimits().idle_ms + 1);
  ASSERT_TRUE(cluster_.Read("m", 1).ok());  // the views are wanted
  for (size_t i = 0; i < ViewCluster::kLoops; ++i) cluster_.loop(i).DropIdle();
  EXPECT_EQ(cluster_.Metric("sync_search_indexes"), 0);
  EXPECT_EQ(cluster_.Metric("sync_search_index_bytes"), 0);
  EXPECT_EQ(cluster_.Metric("sync_views"), 2);
  EXPECT_LT(cluster_.Metric("sync_view_bytes"), with_index - 10'000);
  EXPECT_EQ(Find("number7"), "k7");
}

class TightSearchTest : public LargeMapSearchTest {
 protected:
  TightSearchTest() : LargeMapSearchTest(Limits()) {}

  static ViewLimits Limits() {
    ViewLimits limits;
    limits.bytes_max = 60'000;  // of which the 200 records of a loop take up some 45 000
    limits.searches.running_max = 1;
    limits.searches.waiting_max = 1;
    return limits;
  }
};

TEST_F(TightSearchTest, AnIndexThatDoesNotFitIsRefused) {
  const auto found = cluster_.Search("m", Wanted("word"));
  EXPECT_EQ(found.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(cluster_.Metric("sync_search_index_bytes"), 0);
  EXPECT_TRUE(cluster_.Read("m", 1).ok()) << "the view stays";
}

TEST_F(TightSearchTest, SearchesThatWaitAreLimited) {
  OneStep first(cluster_, "word");
  OneStep second(cluster_, "word");
  OneStep third(cluster_, "word");
  ASSERT_TRUE(third.result.has_value());
  EXPECT_EQ(third.result->status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(cluster_.Metric("sync_searches_refused_total"), 1);
  EXPECT_FALSE(second.result.has_value());
  cluster_.scheduler().Advance(5'000);
  EXPECT_TRUE(second.result.has_value());
  EXPECT_EQ(cluster_.Metric("sync_searches_waiting"), 0);
  EXPECT_EQ(cluster_.Metric("sync_searches_running"), 0);
}

TEST(MapIndex, AnyHistoryLeadsToTheIndexOfWhatIsLeft) {
  support::Random random(support::TestSeed());
  metrics::Registry registry;
  SearchProbe probe(registry);
  LwwContent content;
  const std::shared_ptr<MapIndex> index = content.OpenIndex(probe);
  uint64_t n = 0;
  for (int step = 0; step < 3'000; ++step) {
    const std::string key = "k" + std::to_string(random.Below(100));
    const std::string value = Text("w" + std::to_string(random.Below(10)));
    state::CellView cell;
    cell.version = {1, ++n};
    cell.timestamp = {1'000, 0, "n"};
    cell.tombstone = random.OneIn(4);
    cell.has_ttl = random.OneIn(4);
    cell.ttl_ms = static_cast<double>(random.Below(3'000));
    if (!cell.tombstone) cell.value = value;
    const std::string encoded = state::EncodeCell(cell);
    content.Apply(static_cast<uint32_t>(random.Below(2)), key, "", encoded);
    if (random.OneIn(10)) content.Prune(0, key, "", encoded);
    if (random.OneIn(500)) content.DropShard(0);
    if (random.OneIn(20)) index->CatchUp(1'000);
  }
  const int64_t now_ms = 2'500;
  const uint64_t goal = index->Goal(now_ms);
  while (!index->Reached(goal)) index->CatchUp(now_ms);

  search::SearchIndex expected;
  for (const Row& row : content.LiveRows(1'000, now_ms)) expected.Put(row.key, row.value);
  EXPECT_GT(expected.size(), 10U);
  EXPECT_EQ(index->index().bytes(), expected.bytes());
  for (int word = 0; word < 10; ++word) {
    const auto query = *search::SearchQuery::Parse("w" + std::to_string(word));
    const auto hits = search::Search(index->index(), query, 1'000, 0);
    const auto all = search::Search(expected, query, 1'000, 0);
    ASSERT_EQ(hits.size(), all.size());
    for (size_t i = 0; i < hits.size(); ++i) EXPECT_EQ(hits[i].key, all[i].key);
  }
  content.DropShard(0);
  content.DropShard(1);
  const uint64_t end = index->Goal(now_ms);
  while (!index->Reached(end)) index->CatchUp(now_ms);
  EXPECT_EQ(content.bytes(), 0U);
}

}  // namespace
}  // namespace topgun::sync
