#include "domain/retention.h"

#include "crdt/hybrid_logical_clock.h"

namespace topgun::sync {

namespace {

// What the service wrote for itself: nobody sends such a cell again.
bool IsNote(std::string_view map) { return map == state::kRestampMap || map == state::kClampMap; }

}  // namespace

bool Prunable(state::CellKind kind, std::string_view map, const state::CellView& cell,
              int64_t cutoff_ms) {
  if (kind == state::CellKind::kCounter || cell.commit_ms >= cutoff_ms) return false;
  // A clock far ahead must not lift the horizon above the writes of honest clients: such a cell
  // stays until that time has come.
  if (cell.timestamp.millis - crdt::kDriftMaxMs >= cutoff_ms) return false;
  if (IsNote(map)) return true;
  // A removed policy must not come back from anybody's backup; horizons are what retention leaves.
  if (map == state::kPolicyMap || map == state::kHorizonMap) return false;
  return cell.tombstone || cell.Expired(cutoff_ms);
}

bool NeedsHorizon(std::string_view map) { return !IsNote(map); }

}  // namespace topgun::sync
