#include "domain/view_registry.h"

#include <utility>

namespace topgun::sync {

ViewRegistry::ViewRegistry(std::vector<Shard*> shards, ViewLimits limits, const WallClock& wall,
                           Probe& probe)
    : shards_(std::move(shards)), limits_(limits), wall_(wall), probe_(probe) {}

void ViewRegistry::Read(std::string_view map, size_t rows_max, Callback<Snapshot> callback) {
  auto it = views_.find(map);
  if (it == views_.end()) {
    MakeRoom();
    it = views_
             .emplace(std::string(map), std::make_unique<MapView>(std::string(map), shards_,
                                                                  limits_.bytes_max, wall_, probe_))
             .first;
  }
  it->second->Read(rows_max, std::move(callback));
}

void ViewRegistry::DropIdle() {
  const int64_t oldest_ms = wall_.NowMs() - limits_.idle_ms;
  for (auto it = views_.begin(); it != views_.end();) {
    const bool drop = it->second->idle() && it->second->last_read_ms() < oldest_ms;
    if (drop) {
      views_.erase(it++);
    } else {
      ++it;
    }
  }
  MakeRoom();
}

// Drops the views read longest ago until the rest fits.
void ViewRegistry::MakeRoom() {
  for (;;) {
    uint64_t bytes = 0;
    auto oldest = views_.end();
    for (auto it = views_.begin(); it != views_.end(); ++it) {
      bytes += it->second->bytes();
      if (!it->second->idle()) continue;
      if (oldest == views_.end() || it->second->last_read_ms() < oldest->second->last_read_ms()) {
        oldest = it;
      }
    }
    if (bytes <= limits_.bytes_max || oldest == views_.end()) return;
    views_.erase(oldest);
  }
}

}  // namespace topgun::sync
