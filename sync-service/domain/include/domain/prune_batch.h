// Cells of one map and shard that are dropped together: one script call, one feed entry.
//
// Life: LookUp() and Provide() what is stored at a position of the shard; Build() the request that
// follows that position. A conflict repeats from LookUp(). Cells that have changed since they were
// found are left alone. Movable value; used on the shard's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/hybrid_logical_clock.h"
#include "domain/io.h"
#include "state/cell.h"
#include "state/horizon.h"

namespace topgun::sync {

class PruneBatch {
 public:
  // `found`: prunable cells as a scan saw them; not empty.
  PruneBatch(state::CellKind kind, std::string map, std::vector<FieldAndCell> found);

  // The cells as they are now, and the horizons that remember them.
  std::vector<CellRef> LookUp() const;
  // Answers of the last LookUp(), in its order. False when nothing is left to drop.
  bool Provide(const std::vector<std::optional<std::string>>& cells);

  // The prune that follows `tail`; views point into the batch.
  PruneRequest Build(const state::Position& tail, int64_t now_ms, crdt::HybridLogicalClock& clock);
  const std::string& entry() const { return entry_; }
  size_t cell_count() const { return dropped_.size(); }

 private:
  // What becomes of the horizon of one map.
  struct HorizonCell {
    std::string field;
    std::string base;  // as stored; empty when absent
    std::string cell;  // as written
    state::Horizon horizon;
    bool rises = false;
  };

  // The map id whose horizon remembers the cell; empty: none does.
  std::string RememberedBy(std::string_view field) const;
  int64_t ForgottenUpTo(const state::CellView& cell) const;
  // Raises them over what is dropped; views of the result point into `horizons_`.
  std::vector<std::string_view> BuildHorizons(const state::Position& version, int64_t now_ms,
                                              crdt::HybridLogicalClock& clock);

  state::CellKind kind_;
  std::string map_;
  std::vector<FieldAndCell> found_;
  std::vector<const FieldAndCell*> dropped_;  // those that still are what was found
  std::vector<HorizonCell> horizons_;
  std::string entry_;
};

}  // namespace topgun::sync
