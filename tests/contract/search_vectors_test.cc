// fts.json: what it says of the newer server, whose words and queries are ours. Its parts
// "stopWords", "tokenizer" and "stems" belong to the older server's tokenizer, and so do most sets
// of "indexes": stemmed, without stop words, fields boosted. Two of these have texts that both
// tokenizers see alike, and scores in full: they check the formula. "rrf" and
// "deterministicEmbedding" are no full-text search.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "search/search.h"
#include "search/tokens.h"
#include "support/vectors.h"

namespace topgun::search {
namespace {

namespace json = boost::json;

const json::object& Part(std::string_view name) {
  return support::LoadVectors("fts.json").as_object().at(name).as_object();
}

void Fill(SearchIndex& index, const json::object& set, const std::set<std::string_view>& without) {
  for (const json::value& document : set.at("documents").as_array()) {
    const std::string_view key = support::Text(document.at("key"));
    if (!without.contains(key)) index.Put(key, support::ToMsgpack(document.at("record")));
  }
}

std::vector<Hit> HitsOf(const SearchIndex& index, const json::value& query) {
  size_t limit = 10;
  double min_score = 0;
  if (const json::value* const options = query.as_object().if_contains("options")) {
    if (const auto* const given = options->as_object().if_contains("limit")) {
      limit = given->to_number<size_t>();
    }
    if (const auto* const given = options->as_object().if_contains("minScore")) {
      min_score = given->to_number<double>();
    }
  }
  return Search(index, *SearchQuery::Parse(support::Text(query.at("query"))), limit, min_score);
}

TEST(SearchVectors, TokensAreThoseOfTheNewerServer) {
  for (const json::value& each : Part("newerServer").at("tokenizer").as_array()) {
    std::vector<std::string> tokens;
    for (Tokenizer tokenizer(support::Text(each.at("text"))); tokenizer.Next();) {
      if (!tokenizer.token().empty()) tokens.emplace_back(tokenizer.token());
    }
    EXPECT_EQ(tokens, json::value_to<std::vector<std::string>>(each.at("tokens")))
        << json::serialize(each);
  }
}

TEST(SearchVectors, HitsAreThoseOfTheNewerServer) {
  size_t queries = 0;
  for (const json::value& set : Part("newerServer").at("sets").as_array()) {
    SearchIndex index;
    Fill(index, set.as_object(), {});
    for (const json::value& query : set.at("queries").as_array()) {
      SCOPED_TRACE(json::serialize(query));
      const std::vector<Hit> hits = HitsOf(index, query);
      const json::array& expected = query.at("results").as_array();
      ASSERT_EQ(hits.size(), expected.size());
      for (size_t i = 0; i < hits.size(); ++i) {
        const double score = expected[i].at("score").to_number<double>();
        EXPECT_EQ(hits[i].key, support::Text(expected[i].at("key")));
        EXPECT_NEAR(hits[i].score / score, 1, 1e-5);
        EXPECT_EQ(MatchedTerms(support::Text(query.at("query"))),
                  json::value_to<std::vector<std::string>>(expected[i].at("matchedTerms")));
      }
      ++queries;
    }
  }
  EXPECT_GE(queries, 14U);
}

// Ties are ordered otherwise there (whatever was indexed first), so scores are compared by key.
TEST(SearchVectors, ScoresAreThoseOfTheOlderServerOnTextsBothSeeAlike) {
  const std::set<std::string_view> other_field_or_stop_words = {"other", "stop"};
  size_t scores = 0;
  for (const json::value& set : Part("indexes").at("sets").as_array()) {
    const std::string_view name = support::Text(set.at("name"));
    if (name != "lengths" && name != "ties") continue;
    SearchIndex index;
    Fill(index, set.as_object(), other_field_or_stop_words);
    EXPECT_EQ(index.size(), set.at("indexedDocuments").to_number<size_t>());
    for (const json::value& query : set.at("queries").as_array()) {
      if (query.as_object().contains("options")) continue;  // cut among ties
      SCOPED_TRACE(json::serialize(query));
      std::map<std::string, double> found;
      for (const Hit& hit : HitsOf(index, query)) found[hit.key] = hit.score;
      const json::array& expected = query.at("results").as_array();
      ASSERT_EQ(found.size(), expected.size());
      for (const json::value& hit : expected) {
        const double score = hit.at("score").to_number<double>();
        EXPECT_NEAR(found[std::string(support::Text(hit.at("key")))] / score, 1, 1e-9);
        ++scores;
      }
    }
  }
  EXPECT_GE(scores, 10U);
}

}  // namespace
}  // namespace topgun::search
