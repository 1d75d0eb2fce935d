// What searches need from the cluster behind the gateway. backend/ implements it over gRPC, tests
// over nothing. All calls and callbacks happen on the loop's thread; no callback comes from inside
// the call that causes it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::gateway {

struct SearchRequest {
  std::string map;
  std::string query;  // as the client typed it
  uint32_t limit = 0;
  double min_score = 0;
  // Not empty: only these records are looked at, and `limit` does not count.
  std::vector<std::string> keys = {};

  static constexpr size_t kKeysMax = 1'000;
};

struct SearchHit {
  std::string key;
  double score = 0;
  std::optional<double> expires_ms = {};  // wall clock after which TTL hides the record
};

using SearchHits = std::shared_ptr<const std::vector<SearchHit>>;  // best first

class MapSearcher {
 public:
  using Done = std::function<void(const StatusOr<SearchHits>&)>;

  virtual ~MapSearcher() = default;

  // After everything acknowledged before the call. Retries inside; fails after a limit.
  // INVALID_ARGUMENT: the query; RESOURCE_EXHAUSTED: the map is too large, or too much is asked.
  virtual void Search(SearchRequest request, Done done) = 0;
};

}  // namespace topgun::gateway
