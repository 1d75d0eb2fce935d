// The maps of one shard in Redis and how many cells each has: for operators, not for the hot path.
//
// Keeps itself alive until it has called back, once; `route` outlives that, as it fails what it has
// not answered when it closes. On the route's loop. Fails as the first question that failed.
// Private to store/.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "domain/io.h"
#include "redis/client.h"
#include "state/keys.h"

namespace topgun::sync {

class MapCensus : public std::enable_shared_from_this<MapCensus> {
 public:
  static void Take(redis::Route& route, const state::ShardKeys& keys,
                   Callback<std::vector<MapSize>> callback);

  MapCensus(redis::Route& route, const state::ShardKeys& keys,
            Callback<std::vector<MapSize>> callback)
      : route_(route), keys_(keys), callback_(std::move(callback)) {}

 private:
  void ListMaps();
  void Collect(const StatusOr<redis::Reply>& names);
  void CountCells();
  void Count(size_t index, const StatusOr<redis::Reply>& length);

  redis::Route& route_;
  const state::ShardKeys keys_;
  const Callback<std::vector<MapSize>> callback_;
  std::set<std::string> map_ids_;
  std::vector<MapSize> sizes_;
  size_t open_ = 0;  // maps whose cells are being counted
  Status failure_;
};

}  // namespace topgun::sync
