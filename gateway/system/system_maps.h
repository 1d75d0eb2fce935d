// The cluster's own maps as one loop sees them, and the observer of all its changes: those of
// reserved maps go to their mirrors, all others to the live queries.
//
// Owned by the loop; one thread.
#pragma once

#include <array>
#include <string_view>

#include "dispatch/io.h"
#include "system/map_mirror.h"

namespace topgun::gateway {

class SystemMaps final : public ChangeObserver {
 public:
  // `others` hears of everything else.
  SystemMaps(ChangeSource& source, MapReader& reader, const WallClock& clock,
             ChangeObserver& others);

  void Start();
  void Tick(MapMirror::Time now);

  MapMirror& policies() { return policies_; }
  MapMirror& nodes() { return nodes_; }
  MapMirror& indexes() { return indexes_; }
  MapMirror& settings() { return settings_; }

  void OnChange(const Change& change) override;
  void OnGap(uint32_t shard) override;
  void OnProgress() override;

 private:
  std::array<MapMirror*, 4> all() { return {&policies_, &nodes_, &indexes_, &settings_}; }

  MapMirror policies_;
  MapMirror nodes_;
  MapMirror indexes_;
  MapMirror settings_;
  ChangeObserver& others_;
};

}  // namespace topgun::gateway
