// Which cells retention drops (docs/state-layout.md, "retention"). Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "state/cell.h"
#include "state/keys.h"

namespace topgun::sync {

// Whether nobody needs the cell any more: it was removed, or hidden by its TTL, and committed
// before `cutoff_ms` (now minus the retention).
bool Prunable(state::CellKind kind, std::string_view map, const state::CellView& cell,
              int64_t cutoff_ms);

// Whether clients may have to be told that cells of this map were dropped. Not so for the server's
// own notes, which no client syncs.
bool NeedsHorizon(std::string_view map);

}  // namespace topgun::sync
