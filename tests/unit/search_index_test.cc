// The index against a search that looks at every record, over random histories.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "msgpack/writer.h"
#include "search/search.h"
#include "search/tokens.h"
#include "support/random.h"

namespace topgun::search {
namespace {

using Words = std::vector<std::string>;

std::string RecordOf(std::string_view text) {
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(2);
  writer.Str("n");
  writer.Int(7);
  writer.Str("text");
  writer.Str(text);
  return value;
}

std::shared_ptr<const SearchQuery> Query(std::string_view text) {
  return std::make_shared<const SearchQuery>(*SearchQuery::Parse(text));
}

Words Split(std::string_view text) {
  Words words;
  for (Tokenizer tokenizer(text); tokenizer.Next();) words.emplace_back(tokenizer.token());
  return words;
}

std::vector<Hit> ByKey(std::vector<Hit> hits) {
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.key < b.key; });
  return hits;
}

void ExpectSameHits(const std::vector<Hit>& hits, const std::vector<Hit>& expected) {
  ASSERT_EQ(hits.size(), expected.size());
  for (size_t i = 0; i < hits.size(); ++i) {
    EXPECT_EQ(hits[i].key, expected[i].key) << i;
    EXPECT_NEAR(hits[i].score, expected[i].score, 1e-9) << i;
  }
}

// Any of the words, by the letter of features.md 7.2.
std::vector<Hit> LookAtAll(const std::map<std::string, std::string>& texts, const Words& wanted) {
  std::map<std::string, Words> documents;
  double tokens = 0;
  for (const auto& [key, text] : texts) {
    Words words = Split(text);
    tokens += static_cast<double>(words.size());
    if (!words.empty()) documents.emplace(key, std::move(words));
  }
  const auto count = static_cast<double>(documents.size());
  std::vector<Hit> hits;
  for (const auto& [key, words] : documents) {
    double score = 0;
    for (const std::string& word : wanted) {
      const auto tf = static_cast<double>(std::count(words.begin(), words.end(), word));
      if (tf == 0) continue;
      double n = 0;
      for (const auto& [other, its] : documents) {
        n += std::find(its.begin(), its.end(), word) != its.end() ? 1 : 0;
      }
      const double idf = std::log(1 + (count - n + 0.5) / (n + 0.5));
      const double ratio = static_cast<double>(words.size()) / (tokens / count);
      score += idf * 2.2 * tf / (tf + 1.2 * (0.25 + 0.75 * ratio));
    }
    if (score > 0) hits.push_back({key, score});
  }
  std::sort(hits.begin(), hits.end(), IsBetter);
  return hits;
}

class SearchIndexTest : public testing::Test {
 protected:
  std::string RandomText() {
    std::string text;
    for (size_t words = random_.Below(6); words > 0; --words) {
      text += std::string(1, static_cast<char>('a' + random_.Below(8))) + ' ';
    }
    return text;
  }

  // Puts and removes records of 200 keys.
  void Change(SearchIndex& index, size_t times) {
    for (size_t i = 0; i < times; ++i) {
      const std::string key = "k" + std::to_string(random_.Below(200));
      if (random_.OneIn(4)) {
        index.Remove(key);
        texts_.erase(key);
      } else {
        texts_[key] = RandomText();
        index.Put(key, RecordOf(texts_[key]));
      }
    }
  }

  support::Random random_{support::TestSeed()};
  std::map<std::string, std::string> texts_;
};

TEST_F(SearchIndexTest, FindsWhatLookingAtEveryRecordFinds) {
  SearchIndex index;
  for (int round = 0; round < 20; ++round) {
    Change(index, 200);
    for (const std::string_view text : {"a", "b c", "d d e", "a b c d e f g h", "nothing"}) {
      SCOPED_TRACE(text);
      const std::vector<Hit> hits = Search(index, *Query(text), 1'000, 0);
      EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(), IsBetter));
      // By key: where scores differ in their last bit only, the order may be another one.
      ExpectSameHits(ByKey(hits), ByKey(LookAtAll(texts_, Split(text))));
    }
  }
}

TEST_F(SearchIndexTest, IsEmptyWhenEverythingIsRemoved) {
  SearchIndex index;
  Change(index, 1'000);
  EXPECT_GT(index.bytes(), 0U);
  for (const auto& [key, text] : texts_) index.Remove(key);
  EXPECT_EQ(index.size(), 0U);
  EXPECT_EQ(index.bytes(), 0U);
  const Statistics statistics = index.StatisticsFor(*Query("a b"));
  EXPECT_EQ(statistics.tokens, 0U);
  EXPECT_EQ(statistics.with_term, (std::vector<uint64_t>{0, 0}));
}

TEST_F(SearchIndexTest, GoesThroughSlicesOfAnySize) {
  SearchIndex index;
  Change(index, 1'000);
  for (const std::string_view text : {"a b", "+a -b", "\"a b\"", "a AND (b c) AND NOT \"b c\""}) {
    const std::vector<Hit> whole = Search(index, *Query(text), 1'000, 0);
    EXPECT_FALSE(whole.empty()) << text;
    SearchRun run(Query(text), index.StatisticsFor(*Query(text)), 1'000, 0);
    size_t slices = 1;
    while (!run.Advance(index, 1)) ++slices;
    EXPECT_GT(slices, 1U);
    SCOPED_TRACE(text);
    ExpectSameHits(run.TakeHits(), whole);
  }
}

TEST_F(SearchIndexTest, PartsWithCommonStatisticsAreOneIndex) {
  SearchIndex whole;
  SearchIndex parts[3];
  Change(whole, 1'000);
  for (const auto& [key, text] : texts_) {
    parts[random_.Below(3)].Put(key, RecordOf(text));
  }
  for (const std::string_view text : {"a", "b c^3", "\"a b\" c", "+d e"}) {
    SCOPED_TRACE(text);
    Statistics statistics;
    for (const SearchIndex& part : parts) statistics.Add(part.StatisticsFor(*Query(text)));
    std::vector<std::vector<Hit>> hits;
    for (const SearchIndex& part : parts) {
      SearchRun run(Query(text), statistics, 7, 0.5);
      EXPECT_TRUE(run.Advance(part, std::numeric_limits<uint64_t>::max()));
      hits.push_back(run.TakeHits());
    }
    ExpectSameHits(MergeHits(std::move(hits), 7), Search(whole, *Query(text), 7, 0.5));
  }
}

TEST_F(SearchIndexTest, ScoresSingleRecordsAsSearchesDo) {
  SearchIndex index;
  Change(index, 1'000);
  std::vector<std::string> keys = {"unknown"};
  for (const auto& [key, text] : texts_) keys.push_back(key);
  keys.push_back(keys[1]);
  random_.Shuffle(keys);
  for (const std::string_view text : {"a b", "+a -b", "\"a b\""}) {
    const auto query = Query(text);
    ExpectSameHits(ScoreKeys(index, *query, index.StatisticsFor(*query), keys, 0),
                   Search(index, *query, 1'000, 0));
  }
}

TEST(SearchIndex, KeepsTheBestUpToTheLimit) {
  SearchIndex index;
  for (const char* const key : {"c", "a", "d", "b"}) index.Put(key, RecordOf("word"));
  index.Put("twice", RecordOf("word word"));
  const auto keys = [&](size_t limit) {
    Words found;
    for (const Hit& hit : Search(index, *Query("word"), limit, 0)) found.push_back(hit.key);
    return found;
  };
  EXPECT_EQ(keys(3), (Words{"twice", "a", "b"}));
  EXPECT_EQ(keys(100), (Words{"twice", "a", "b", "c", "d"}));
  EXPECT_EQ(keys(0), Words());
}

TEST(SearchIndex, LeavesOutWhatScoresTooLittle) {
  SearchIndex index;
  index.Put("one", RecordOf("word other"));
  index.Put("two", RecordOf("word word"));
  const std::vector<Hit> hits = Search(index, *Query("word"), 10, 0);
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(Search(index, *Query("word"), 10, hits[0].score).size(), 1U);
  EXPECT_EQ(Search(index, *Query("word"), 10, hits[1].score).size(), 2U);
  EXPECT_TRUE(Search(index, *Query("word"), 10, std::nan("")).empty());
}

TEST(SearchIndex, ChangesBetweenSlicesDoNotRepeatHits) {
  SearchIndex index;
  for (int i = 0; i < 100; ++i) index.Put("k" + std::to_string(i), RecordOf("word"));
  SearchRun run(Query("word"), index.StatisticsFor(*Query("word")), 1'000, 0);
  ASSERT_FALSE(run.Advance(index, 1));  // k0 has been looked at
  index.Remove("k99");
  index.Remove("k0");
  index.Put("k0", RecordOf("word"));  // in another slot
  while (!run.Advance(index, 1)) continue;
  const std::vector<Hit> hits = run.TakeHits();
  EXPECT_EQ(hits.size(), 99U);
  EXPECT_EQ(std::count_if(hits.begin(), hits.end(), [](const Hit& hit) { return hit.key == "k0"; }),
            1);
}

TEST(SearchIndex, LongRunsSeparateTheWordsOfPhrases) {
  SearchIndex index;
  index.Put("near", RecordOf("one two"));
  index.Put("far", RecordOf("one " + std::string(40, 'x') + " two"));
  const std::vector<Hit> hits = Search(index, *Query("\"one two\""), 10, 0);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].key, "near");
  EXPECT_EQ(index.StatisticsFor(*Query("one")).tokens, 4U);
}

TEST(SearchIndex, LooksAtAMebibyteOfEachRecord) {
  SearchIndex index;
  std::string text(SearchIndex::kTextBytesMax - 7, '.');
  text += " inside outside";
  index.Put("k", RecordOf(text));
  EXPECT_EQ(Search(index, *Query("inside"), 10, 0).size(), 1U);
  EXPECT_EQ(Search(index, *Query("outside"), 10, 0).size(), 0U);
}

}  // namespace
}  // namespace topgun::search
