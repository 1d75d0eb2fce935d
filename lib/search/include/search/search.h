// Searching an index. The statistics are those of the whole map, of which the index may hold a
// part, so that the parts' hits are those of one index. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "search/bm25.h"
#include "search/search_index.h"
#include "search/search_query.h"

namespace topgun::search {

struct Hit {
  std::string key;
  double score = 0;
};

// Best first; of equal ones ascending by key.
bool IsBetter(const Hit& a, const Hit& b);

// The best hits of an index, at most `limit`, none below `min_score`. Runs in slices, between which
// the index may change: a hit is as it was when it was looked at.
class SearchRun {
 public:
  SearchRun(std::shared_ptr<const SearchQuery> query, Statistics statistics, size_t limit,
            double min_score);

  // Goes on for about so many steps. True when nothing is left to be looked at.
  bool Advance(const SearchIndex& index, uint64_t steps_max);
  // Best first.
  std::vector<Hit> TakeHits();

 private:
  void Offer(std::string_view key, double score);

  const std::shared_ptr<const SearchQuery> query_;
  const Statistics statistics_;
  const size_t limit_;
  const double min_score_;
  uint32_t next_slot_ = 0;
  uint32_t window_;        // slots that are gone through without looking at the steps
  std::vector<Hit> best_;  // a heap, the worst one in front
};

// Those of the keys that are hits, best first. The cost grows with keys times tokens of the query.
std::vector<Hit> ScoreKeys(const SearchIndex& index, const SearchQuery& query,
                           const Statistics& statistics, const std::vector<std::string>& keys,
                           double min_score);

// Of an index that holds everything.
std::vector<Hit> Search(const SearchIndex& index, const SearchQuery& query, size_t limit,
                        double min_score);

// Hits of several parts as one list.
std::vector<Hit> MergeHits(std::vector<std::vector<Hit>> parts, size_t limit);

}  // namespace topgun::search
