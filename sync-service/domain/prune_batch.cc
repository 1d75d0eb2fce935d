#include "domain/prune_batch.h"

#include <algorithm>
#include <utility>

#include "domain/retention.h"
#include "state/cell.h"
#include "state/feed_entry.h"

namespace topgun::sync {

PruneBatch::PruneBatch(state::CellKind kind, std::string map, std::vector<FieldAndCell> found)
    : kind_(kind), map_(std::move(map)), found_(std::move(found)) {
  for (const FieldAndCell& cell : found_) {
    std::string field = RememberedBy(cell.field);
    const bool is_new = std::none_of(horizons_.begin(), horizons_.end(),
                                     [&](const auto& known) { return known.field == field; });
    if (!field.empty() && is_new) {
      horizons_.push_back({.field = std::move(field), .base = {}, .cell = {}, .horizon = {}});
    }
  }
}

// A dead tag keeps records of its own map away, which is named by its key.
std::string PruneBatch::RememberedBy(std::string_view field) const {
  if (!NeedsHorizon(map_)) return {};
  if (map_ != state::kDeadTagMap) return state::MapId(kind_, map_);
  state::FieldView dead;
  return state::ParseCellField(kind_, field, &dead) ? state::MapId(kind_, dead.key) : std::string();
}

std::vector<CellRef> PruneBatch::LookUp() const {
  std::vector<CellRef> refs;
  refs.reserve(found_.size() + horizons_.size());
  for (const FieldAndCell& cell : found_) refs.push_back({kind_, map_, cell.field});
  for (const HorizonCell& horizon : horizons_) {
    refs.push_back({state::CellKind::kLww, state::kHorizonMap, horizon.field});
  }
  return refs;
}

bool PruneBatch::Provide(const std::vector<std::optional<std::string>>& cells) {
  dropped_.clear();
  if (cells.size() != found_.size() + horizons_.size()) return false;
  for (size_t i = 0; i < found_.size(); ++i) {
    if (cells[i] == found_[i].cell) dropped_.push_back(&found_[i]);
  }
  for (size_t i = 0; i < horizons_.size(); ++i) {
    horizons_[i].base = cells[found_.size() + i].value_or(std::string());
  }
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
  request.horizons = BuildHorizons({tail.incarnation, tail.n + 1}, now_ms, clock);
  for (const HorizonCell& risen : horizons_) {
    if (!risen.rises) continue;
    state::ChangeView horizon;
    horizon.flags = risen.base.empty() ? state::kChangeCreated : state::kChangeWasLive;
    horizon.map = builder.MapIndex(state::kHorizonMap);
    horizon.key = risen.field;
    horizon.cell = risen.cell;
    builder.Add(horizon);
  }
  entry_ = builder.Build(now_ms);
  request.entry = entry_;
  return request;
}

// Each rises to the highest of what it was and what it remembers of the cells that are dropped.
std::vector<std::string_view> PruneBatch::BuildHorizons(const state::Position& version,
                                                        int64_t now_ms,
                                                        crdt::HybridLogicalClock& clock) {
  std::vector<std::string_view> fields_and_cells;
  for (HorizonCell& risen : horizons_) {
    state::CellView cell;
    risen.horizon = {};
    risen.rises = false;
    if (state::DecodeCell(risen.base, &cell)) {
      risen.horizon = state::DecodeHorizon(cell.value).value_or(risen.horizon);
      clock.Observe(cell.timestamp);
    }
    for (const FieldAndCell* dropped : dropped_) {
      if (RememberedBy(dropped->field) != risen.field) continue;
      if (!state::DecodeCell(dropped->cell, &cell)) continue;
      risen.rises = true;
      risen.horizon.commit_ms = std::max(risen.horizon.commit_ms, cell.commit_ms);
      risen.horizon.millis = std::max(risen.horizon.millis, ForgottenUpTo(cell));
    }
    if (!risen.rises) continue;
    const crdt::Timestamp stamp = clock.Tick();
    const std::string value = state::EncodeHorizon(risen.horizon);
    state::CellView view;
    view.version = version;
    view.commit_ms = now_ms;
    view.timestamp = stamp.view();
    view.value = value;
    risen.cell = state::EncodeCell(view);
    fields_and_cells.push_back(risen.field);
    fields_and_cells.push_back(risen.cell);
  }
  return fields_and_cells;
}

// Records up to this clock are kept away by the cell, and by the horizon once it is gone.
int64_t PruneBatch::ForgottenUpTo(const state::CellView& cell) const {
  if (kind_ != state::CellKind::kOr) return cell.timestamp.millis;
  // An OR removal wins whatever its clock, so the record it removed may have had a later one.
  const int64_t millis = std::max(cell.timestamp.millis, cell.commit_ms);
  // Of a dead tag's record nothing is known; its clock may have been ahead by the usual drift.
  return map_ == state::kDeadTagMap ? millis + crdt::kDriftMaxMs : millis;
}

}  // namespace topgun::sync
