// The map views of one loop: created by reads, dropped when idle or when their memory is needed.
// Used on its loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "domain/cell_cache.h"
#include "domain/map_view.h"

namespace topgun::sync {

struct ViewLimits {
  uint64_t bytes_max = 256u << 20;  // of all views of the loop
  int64_t idle_ms = 60'000;
};

class ViewRegistry {
 public:
  ViewRegistry(std::vector<Shard*> shards, ViewLimits limits, const WallClock& wall, Probe& probe);

  void Read(std::string_view map, size_t rows_max, Callback<Snapshot> callback);
  // Drops views that were idle for too long; called every second or so.
  void DropIdle();
  size_t size() const { return views_.size(); }

 private:
  void MakeRoom();

  std::vector<Shard*> shards_;
  ViewLimits limits_;
  const WallClock& wall_;
  Probe& probe_;
  BytesMap<std::unique_ptr<MapView>> views_;
};

}  // namespace topgun::sync
