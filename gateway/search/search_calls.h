// Searches of one loop on their way to the sync services: equal ones share a call.
//
// The answer of a call may lack what was written after it began, so whoever asks while it is on its
// way waits for the next one. Owned by the loop; one thread.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "search/search_io.h"
#include "search/search_probe.h"

namespace topgun::gateway {

class SearchCalls {
 public:
  SearchCalls(MapSearcher& searcher, SearchProbe& probe) : searcher_(searcher), probe_(probe) {}

  // The answer includes everything acknowledged before this.
  void Ask(const SearchRequest& request, MapSearcher::Done done);

 private:
  using Waiting = std::vector<MapSearcher::Done>;

  void Begin(const std::string& name, const SearchRequest& request, Waiting asked);

  MapSearcher& searcher_;
  SearchProbe& probe_;
  absl::flat_hash_map<std::string, Waiting> on_their_way_;  // and who waits for the next one
};

}  // namespace topgun::gateway
