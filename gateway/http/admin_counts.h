// Live records of several maps at once, a few at a time, so that a long list neither floods the
// sync services nor builds views faster than they can be dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/status.h"
#include "dispatch/io.h"
#include "http/admin_io.h"

namespace topgun::gateway {

// One count per map; nothing for a map that is too large to be counted. Any other failure ends the
// counting.
using MapCounts = std::vector<std::optional<uint64_t>>;

inline constexpr size_t kCountsAtATime = 8;

// The counter outlives the counting. `done` does not run inside the call, unless there are no maps.
void CountMaps(MapCounter& counter, std::vector<MapInfo> maps,
               std::function<void(StatusOr<MapCounts>)> done);

}  // namespace topgun::gateway
