// Reads of the PN counters of one loop.
//
// A counter is read while its view is built, through the same barrier and the same loading as maps
// are. Whoever has read one keeps its state and follows the feed, so a view is dropped as soon as
// nobody waits for it, at the latest with the next DropIdle(): there may be very many counters.
//
// Limits: views at a time, and the bytes of those that are read; then RESOURCE_EXHAUSTED. Owned by
// a ViewRegistry, used on its loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "domain/cell_cache.h"
#include "domain/counter_content.h"
#include "domain/map_view.h"
#include "domain/probe.h"
#include "domain/shard.h"

namespace topgun::sync {

struct CounterViewLimits {
  size_t views_max = 4'096;
  uint64_t bytes_max = 256u << 20;
};

class CounterViews {
 public:
  CounterViews(CounterViewLimits limits, const WallClock& wall, Probe& probe)
      : limits_(limits), wall_(wall), probe_(probe) {}

  // The state, MessagePack {p, n}, with everything acknowledged before the call. `shard` is that of
  // the counter's name.
  void Read(Shard& shard, std::string_view name, Callback<std::string> callback);

  // Drops views that nobody waits for; called every second or so.
  void DropIdle();
  size_t size() const { return views_.size(); }

 private:
  struct Entry {
    Entry(Shard& shard, std::string_view name, const CounterViews& views)
        : view(state::CellKind::kCounter, std::string(name), content, {&shard},
               views.limits_.bytes_max, views.wall_, views.probe_) {}

    CounterContent content;
    MapView view;
  };

  bool Full() const { return views_.size() >= limits_.views_max || bytes_ >= limits_.bytes_max; }
  // Null: there is no room.
  Entry* EntryFor(Shard& shard, std::string_view name);

  const CounterViewLimits limits_;
  const WallClock& wall_;
  Probe& probe_;
  BytesMap<std::unique_ptr<Entry>> views_;  // by name
  uint64_t bytes_ = 0;                      // at least those of the views that were read
};

}  // namespace topgun::sync
