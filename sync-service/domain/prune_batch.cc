#include "domain/prune_batch.h"

#include <algorithm>
#include <utility>

#include "domain/retention.h"
#include "state/cell.h"
#include "state/feed_entry.h"

namespace topgun::sync {

PruneBatch::PruneBatch(state::CellKind kind, std::string map, std::vector<FieldAndCell> found)
    : kind_(kind), map_(std::move(map)), found_(std::move(found)) {
  if (!NeedsHorizon(map_)) return;
  horizon_field_ =
      state::CellField(state::CellKind::kLww, state::MapId(kind_, map_), std::string_view());
}

std::vector<CellRef> PruneBatch::LookUp() const {
  std::vector<CellRef> refs;
  refs.reserve(found_.size() + 1);
  for (const FieldAndCell& cell : found_) refs.push_back({kind_, map_, cell.field});
  if (!horizon_field_.empty()) {
    refs.push_back({state::CellKind::kLww, state::kHorizonMap, horizon_field_});
  }
  return refs;
}

bool PruneBatch::Provide(const std::vector<std::optional<std::string>>& cells) {
  dropped_.clear();
  for (size_t i = 0; i < found_.size() && i < cells.size(); ++i) {
    if (cells[i] == found_[i].cell) dropped_.push_back(&found_[i]);
  }
  const bool has_horizon = !horizon_field_.empty() && cells.size() > found_.size();
  horizon_base_ = has_horizon ? cells.back().value_or(std::string()) : std::string();
  return !dropped_.empty();
}

PruneRequest PruneBatch::Build(const state::Position& tail, int64_t now_ms,
                               crdt::HybridLogicalClock& clock) {
  PruneRequest request{tail, {}, kind_, map_, {}, {}};
  state::FeedEntryBuilder builder;
  state::ChangeView change;
  change.kind = kind_;
  change.flags = state::kChangePruned;
  change.map = builder.MapIndex(map_);
  for (const FieldAndCell* cell : dropped_) {
    request.fields.push_back(cell->field);
    state::FieldView field;
    if (!state::ParseCellField(kind_, cell->field, &field)) continue;
    change.key = field.key;
    change.tag = field.tag;
    change.cell = cell->cell;
    builder.Add(change);
  }
  if (!horizon_field_.empty()) {
    BuildHorizon({tail.incarnation, tail.n + 1}, now_ms, clock);
    request.horizons = {horizon_field_, horizon_cell_};
    state::ChangeView horizon;
    horizon.flags = horizon_base_.empty() ? 0 : state::kChangeWasLive;
    horizon.map = builder.MapIndex(state::kHorizonMap);
    horizon.key = horizon_field_;
    horizon.cell = horizon_cell_;
    builder.Add(horizon);
  }
  entry_ = builder.Build(now_ms);
  request.entry = entry_;
  return request;
}

// Rises to the highest of what it was and what is dropped.
void PruneBatch::BuildHorizon(const state::Position& version, int64_t now_ms,
                              crdt::HybridLogicalClock& clock) {
  state::Horizon horizon;
  state::CellView cell;
  if (state::DecodeCell(horizon_base_, &cell)) {
    horizon = state::DecodeHorizon(cell.value).value_or(horizon);
    clock.Observe(cell.timestamp);
  }
  for (const FieldAndCell* dropped : dropped_) {
    if (!state::DecodeCell(dropped->cell, &cell)) continue;
    horizon.commit_ms = std::max(horizon.commit_ms, cell.commit_ms);
    horizon.millis = std::max(horizon.millis, cell.timestamp.millis);
    // An OR removal wins whatever its clock, so the record it removed may have had a later one.
    if (kind_ == state::CellKind::kOr) horizon.millis = std::max(horizon.millis, cell.commit_ms);
  }
  const crdt::Timestamp stamp = clock.Tick();
  const std::string value = state::EncodeHorizon(horizon);
  state::CellView view;
  view.version = version;
  view.commit_ms = now_ms;
  view.timestamp = stamp.view();
  view.value = value;
  horizon_cell_ = state::EncodeCell(view);
}

}  // namespace topgun::sync
