// Walks the documents that match a node of a query, in the order of their slots. Private to this
// folder. Lives while neither index nor query changes; not thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>

#include "search/bm25.h"
#include "search/search_index.h"
#include "search/search_query.h"

namespace topgun::search {

// What all scorers of a query share.
struct Scoring {
  const SearchIndex& index;
  const SearchQuery& query;
  const Statistics& statistics;
  uint64_t steps = 0;  // entries of the index that were looked at
};

class Scorer {
 public:
  static constexpr uint32_t kNoSlot = std::numeric_limits<uint32_t>::max();

  virtual ~Scorer() = default;

  // The first match in [from, end). Or else a slot that is not below `end`, and none below it
  // matches. `from` never goes back.
  virtual uint32_t Seek(uint32_t from, uint32_t end) = 0;
  // Of the match that was found last.
  virtual double Score() = 0;
};

// Of the whole query; null when nothing can match. `scoring` outlives it.
std::unique_ptr<Scorer> MakeScorer(Scoring& scoring);

}  // namespace topgun::search
