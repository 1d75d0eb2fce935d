#include "system/system_maps.h"

#include <string>

#include "state/keys.h"
#include "system/cluster_settings.h"

namespace topgun::gateway {

SystemMaps::SystemMaps(ChangeSource& source, MapReader& reader, const WallClock& clock,
                       ChangeObserver& others)
    : policies_(std::string(state::kPolicyMap), source, reader, clock),
      nodes_(std::string(state::kNodeMap), source, reader, clock),
      indexes_(std::string(state::kIndexMap), source, reader, clock),
      settings_(std::string(kSettingsMap), source, reader, clock),
      others_(others) {}

void SystemMaps::Start() {
  for (MapMirror* const mirror : all()) mirror->Start();
}

void SystemMaps::Tick(MapMirror::Time now) {
  for (MapMirror* const mirror : all()) mirror->Tick(now);
}

void SystemMaps::OnChange(const Change& change) {
  if (change.map.starts_with('_')) {
    for (MapMirror* const mirror : all()) {
      if (mirror->map() == change.map) return mirror->OnChange(change);
    }
  }
  others_.OnChange(change);
}

void SystemMaps::OnGap(uint32_t shard) {
  for (MapMirror* const mirror : all()) mirror->OnGap();
  others_.OnGap(shard);
}

void SystemMaps::OnProgress() {
  for (MapMirror* const mirror : all()) mirror->OnProgress();
  others_.OnProgress();
}

}  // namespace topgun::gateway
