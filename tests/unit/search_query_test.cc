// The language of queries, looked at through what it finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "msgpack/writer.h"
#include "search/search.h"

namespace topgun::search {
namespace {

// Every record has the words its key is made of.
class Library {
 public:
  Library() {
    for (const std::string_view text :
         {"apple", "banana", "cherry", "apple banana", "banana apple", "apple cherry",
          "apple banana cherry", "full text", "text full", "don t"}) {
      std::string value;
      msgpack::Writer(value).Str(text);
      index_.Put(text, value);
    }
  }

  std::vector<std::string> Find(std::string_view text) const {
    const StatusOr<SearchQuery> query = SearchQuery::Parse(text);
    EXPECT_TRUE(query.ok()) << text;
    std::vector<std::string> keys;
    for (const Hit& hit : Search(index_, *query, 100, 0)) keys.push_back(hit.key);
    std::sort(keys.begin(), keys.end());
    return keys;
  }
  double Score(std::string_view text, const std::string& key) const {
    const StatusOr<SearchQuery> query = SearchQuery::Parse(text);
    const auto hits = ScoreKeys(index_, *query, index_.StatisticsFor(*query), {key}, 0);
    return hits.empty() ? -1 : hits.front().score;
  }

 private:
  SearchIndex index_;
};

using Keys = std::vector<std::string>;
const Keys kWithCherry = {"apple banana cherry", "apple cherry", "cherry"};

TEST(SearchQuery, FindsAnyOfItsWords) {
  const Library library;
  EXPECT_EQ(library.Find("cherry"), kWithCherry);
  EXPECT_EQ(library.Find("CHERRY nothing"), kWithCherry);
  EXPECT_EQ(library.Find("cherry OR don"),
            (Keys{"apple banana cherry", "apple cherry", "cherry", "don t"}));
  EXPECT_EQ(library.Find("nothing"), Keys());
  EXPECT_EQ(library.Find(""), Keys());
  EXPECT_EQ(library.Find(" .!? "), Keys());
}

TEST(SearchQuery, AndBindsStrongerThanOr) {
  const Library library;
  EXPECT_EQ(library.Find("apple AND cherry"), (Keys{"apple banana cherry", "apple cherry"}));
  EXPECT_EQ(library.Find("don OR apple AND cherry"),
            (Keys{"apple banana cherry", "apple cherry", "don t"}));
  EXPECT_EQ(library.Find("apple AND cherry AND banana"), (Keys{"apple banana cherry"}));
  EXPECT_EQ(library.Find("(don OR apple) AND cherry"),
            (Keys{"apple banana cherry", "apple cherry"}));
  EXPECT_EQ(library.Find("apple and cherry"), library.Find("apple cherry"));
}

TEST(SearchQuery, SignsRequireAndExclude) {
  const Library library;
  EXPECT_EQ(library.Find("+apple +cherry"), (Keys{"apple banana cherry", "apple cherry"}));
  EXPECT_EQ(library.Find("cherry -banana"), (Keys{"apple cherry", "cherry"}));
  EXPECT_EQ(library.Find("cherry NOT banana"), (Keys{"apple cherry", "cherry"}));
  EXPECT_EQ(library.Find("cherry AND NOT banana"), (Keys{"apple cherry", "cherry"}));
  EXPECT_EQ(library.Find("cherry AND -banana"), (Keys{"apple cherry", "cherry"}));
  EXPECT_EQ(library.Find("apple -(banana cherry)"), (Keys{"apple"}));
  EXPECT_EQ(library.Find("+cherry banana"), kWithCherry);
  EXPECT_EQ(library.Find("-cherry"), Keys());
  EXPECT_EQ(library.Find("NOT cherry"), Keys());
  // What is not required raises the score.
  EXPECT_GT(library.Score("+cherry banana", "apple banana cherry"),
            library.Score("cherry", "apple banana cherry"));
}

TEST(SearchQuery, PhrasesFollowEachOther) {
  const Library library;
  EXPECT_EQ(library.Find("\"apple banana\""), (Keys{"apple banana", "apple banana cherry"}));
  EXPECT_EQ(library.Find("\"banana apple\""), (Keys{"banana apple"}));
  EXPECT_EQ(library.Find("-\"apple banana\" +banana"), (Keys{"banana", "banana apple"}));
  EXPECT_EQ(library.Find("\"apple cherry\""), (Keys{"apple cherry"}));
  EXPECT_EQ(library.Find("\"apple nothing\""), Keys());
  EXPECT_EQ(library.Find("full-text"), (Keys{"full text"}));
  EXPECT_EQ(library.Find("don't"), (Keys{"don t"}));
  EXPECT_EQ(library.Find("\"Cherry\""), kWithCherry);
}

TEST(SearchQuery, BoostsMultiply) {
  const Library library;
  const double plain = library.Score("cherry", "cherry");
  EXPECT_DOUBLE_EQ(library.Score("cherry^2", "cherry"), 2 * plain);
  EXPECT_DOUBLE_EQ(library.Score("(nothing cherry^2)^1.5", "cherry"), 3 * plain);
  EXPECT_DOUBLE_EQ(library.Score("cherry cherry", "cherry"), 2 * plain);
  EXPECT_DOUBLE_EQ(library.Score("\"full text\"^3", "full text"),
                   3 * library.Score("\"full text\"", "full text"));
}

TEST(SearchQuery, LeavesOutWhatHasNoWords) {
  const Library library;
  EXPECT_EQ(library.Find("cherry - !!! +"), kWithCherry);
  EXPECT_EQ(library.Find("cherry AND ..."), kWithCherry);
  EXPECT_EQ(library.Find("--cherry"), kWithCherry);
  EXPECT_EQ(library.Find("+! cherry"), kWithCherry);
  EXPECT_EQ(library.Find("(\"\") cherry (-)"), kWithCherry);
  EXPECT_EQ(library.Find("cherry " + std::string(50, 'x')), kWithCherry);
}

TEST(SearchQuery, ThatDoesNotParseFindsNothing) {
  const Library library;
  for (const std::string_view text : {"\"cherry",
                                      "(cherry",
                                      "cherry)",
                                      "AND cherry",
                                      "cherry AND",
                                      "cherry OR",
                                      "NOT",
                                      "cherry OR AND apple",
                                      "NOT NOT cherry",
                                      "NOT -cherry",
                                      "cherry^",
                                      "cherry^x",
                                      "^2",
                                      "cherry^-1",
                                      "cherry^nan",
                                      "cherry^inf",
                                      "cherry^1e3",
                                      "cherry^99999999",
                                      "\"cherry\"^y",
                                      "(cherry)^z",
                                      "field:cherry",
                                      "field: cherry",
                                      "field:\"cherry\"",
                                      "cherry http://x"}) {
    const StatusOr<SearchQuery> query = SearchQuery::Parse(text);
    ASSERT_TRUE(query.ok()) << text;
    EXPECT_TRUE(query->matches_nothing()) << text;
    EXPECT_EQ(library.Find(text), Keys()) << text;
  }
}

TEST(SearchQuery, QuotesHideWhatIsNoLetter) {
  const Library library;
  EXPECT_EQ(library.Find("\"full: text\""), (Keys{"full text"}));
  EXPECT_EQ(library.Find("\"AND\" cherry"), kWithCherry);
}

TEST(SearchQuery, HasLimits) {
  EXPECT_TRUE(SearchQuery::Parse(std::string(SearchQuery::kBytesMax, 'x')).ok());
  const auto longer = SearchQuery::Parse(std::string(SearchQuery::kBytesMax + 1, 'x'));
  EXPECT_EQ(longer.status().code(), StatusCode::kInvalidArgument);

  std::string words;
  for (size_t i = 0; i < SearchQuery::kTokensMax; ++i) words += "a ";
  EXPECT_TRUE(SearchQuery::Parse(words).ok());
  EXPECT_EQ(Message(SearchQuery::Parse(words + "a").status()), "query: too many words");

  const auto nested = [](size_t depth) {
    return std::string(depth, '(') + "a" + std::string(depth, ')');
  };
  EXPECT_FALSE(SearchQuery::Parse(nested(SearchQuery::kDepthMax))->matches_nothing());
  EXPECT_EQ(Message(SearchQuery::Parse(nested(SearchQuery::kDepthMax + 1)).status()),
            "query: nested too deeply");
}

}  // namespace
}  // namespace topgun::search
