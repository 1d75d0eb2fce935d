// What is searched for in a map (features.md 7), and what its parts answer. Every loop has a part
// of the map: whoever asks adds up their statistics, lets every loop find its best records under
// the sum, and merges them. Values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "search/search_query.h"

namespace topgun::sync {

struct MapSearch {
  search::SearchQuery query;
  size_t limit = 0;
  double min_score = 0;
  std::vector<std::string> keys;  // not empty: only these records, and `limit` does not count
};

struct FoundRecord {
  std::string key;
  double score = 0;
  std::optional<double> expires_ms;  // wall clock after which the record is hidden
};

// Best first; of equal ones ascending by key.
inline bool IsBetter(const FoundRecord& a, const FoundRecord& b) {
  return a.score != b.score ? a.score > b.score : a.key < b.key;
}

}  // namespace topgun::sync
