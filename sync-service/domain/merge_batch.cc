// The batch's cells and parts; what becomes of an op is decided in merge_ops.cc.
#include "domain/merge_batch.h"

#include <utility>

namespace topgun::sync {

namespace {

// Reserved for the system by the protocol; ops on them are rare.
constexpr std::string_view kSystemPrefix = "_topgun_";

}  // namespace

void MergeBatch::Clear() {
  ++serial_;
  used_ = taken_ = 0;
  maps_used_ = 0;
  map_index_.clear();
  system_index_.clear();
  op_count_ = 0;
  bytes_ = 0;
  parts_.clear();
  missing_.clear();
  arena_.clear();
  conflicts_.Clear();
  changed_count_ = 0;
}

bool MergeBatch::full() const {
  return taken_ >= limits_.cells_max || op_count_ >= limits_.ops_max || bytes_ >= limits_.bytes_max;
}

void MergeBatch::Take(PendingCell pending) {
  op_count_ += pending.op_count;
  bytes_ += pending.bytes;
  for (PendingOp* op = pending.first; op != nullptr; op = op->next) {
    if (std::exchange(op->part->batch, serial_) != serial_) parts_.push_back(op->part);
  }
  Add(std::move(pending)).map->has_ops = true;
  taken_ = used_;
}

MergeBatch::WorkCell& MergeBatch::Add(PendingCell pending) {
  if (used_ == cells_.size()) cells_.emplace_back();
  WorkCell& cell = cells_[used_++];
  cell.pending = std::move(pending);
  cell.map = &MapOf(cell.pending);
  cell.known = cell.read = false;
  cell.before = cell.current = CellState();
  cell.changed = cell.tell_origin = false;
  if (cell.pending.map.starts_with(kSystemPrefix)) system_index_.emplace(cell.pending.id, &cell);
  return cell;
}

MergeBatch::BatchMap& MergeBatch::MapOf(const PendingCell& cell) {
  const std::string_view id = std::string_view(cell.id).substr(0, cell.map_prefix);
  if (const auto found = map_index_.find(id); found != map_index_.end()) return *found->second;
  if (maps_used_ == maps_.size()) maps_.emplace_back();
  BatchMap& map = maps_[maps_used_++];
  map.kind = cell.kind;
  map.name = cell.map;
  map.has_ops = false;
  map.horizon = nullptr;
  map_index_.emplace(id, &map);
  return map;
}

MergeBatch::WorkCell& MergeBatch::SystemCell(state::CellKind kind, std::string_view map,
                                             std::string_view key, std::string_view tag) {
  PendingCell cell;
  AppendCellId(cell.id, kind, map, {});
  cell.map_prefix = cell.id.size();
  state::AppendCellField(cell.id, kind, key, tag);
  if (const auto it = system_index_.find(cell.id); it != system_index_.end()) return *it->second;
  cell.hash = HashedId(cell.id).hash;
  cell.kind = kind;
  cell.map = map;
  cell.key = key;
  cell.tag = tag;
  return Add(std::move(cell));
}

MergeBatch::WorkCell& MergeBatch::DeadTagFor(std::string_view map, std::string_view tag) {
  return SystemCell(state::CellKind::kOr, state::kDeadTagMap, map, tag);
}

void MergeBatch::BaseIsSet(WorkCell& cell, bool read) {
  cell.known = true;
  cell.read = read;
  cell.before = StateOf(cell.base);
}

// What retention has forgotten of a map decides about ops on it; nobody judges dead tags, and of
// counters it forgets nothing.
void MergeBatch::AddHorizons() {
  for (size_t i = 0; i < maps_used_; ++i) {
    BatchMap& map = maps_[i];
    if (!map.has_ops || map.horizon != nullptr || map.name == state::kDeadTagMap) continue;
    if (map.kind == state::CellKind::kCounter) continue;
    const std::string& map_id = arena_.emplace_back(state::MapId(map.kind, map.name));
    map.horizon = &SystemCell(state::CellKind::kLww, state::kHorizonMap, map_id, {});
  }
}

std::vector<CellRef> MergeBatch::LookUp(CellCache& cache) {
  AddHorizons();
  missing_.clear();
  std::vector<CellRef> refs;
  for (size_t i = 0; i < used_; ++i) {
    WorkCell& cell = cells_[i];
    if (const auto cached = cache.Find(cell.pending.hashed_id())) {
      cell.base.assign(*cached);
      BaseIsSet(cell, false);
      continue;
    }
    missing_.push_back(&cell);
    refs.push_back({cell.pending.kind, cell.pending.map, cell.pending.field()});
  }
  return refs;
}

void MergeBatch::Provide(std::vector<std::optional<std::string>> cells) {
  for (size_t i = 0; i < missing_.size() && i < cells.size(); ++i) {
    missing_[i]->base = std::move(cells[i]).value_or(std::string());
    BaseIsSet(*missing_[i], true);
  }
  missing_.clear();
}

void MergeBatch::Remember(CellCache& cache) {
  for (size_t i = 0; i < used_; ++i) {
    WorkCell& cell = cells_[i];
    if (std::exchange(cell.read, false)) cache.Put(cell.pending.hashed_id(), cell.base);
  }
}

void MergeBatch::Reset() {
  conflicts_.Clear();
  for (size_t i = 0; i < used_; ++i) {
    WorkCell& cell = cells_[i];
    cell.current = cell.before;
    cell.changed = cell.tell_origin = false;
    cell.origin = {};
  }
}

bool MergeBatch::Merge(crdt::HybridLogicalClock& clock, int64_t now_ms) {
  Reset();
  now_ms_ = now_ms;
  bool complete = true;
  for (size_t i = 0; i < taken_; ++i) {
    WorkCell& cell = cells_[i];
    for (PendingOp* op = cell.pending.first; op != nullptr; op = op->next) {
      op->outcome = MergeOp(*op, cell, clock);
      if (op->outcome == Outcome::kNone) complete = false;
    }
  }
  return complete;
}

std::vector<PartState*> MergeBatch::Settle(const state::Position& position, CellCache& cache) {
  for (size_t i = 0; i < used_; ++i) {
    const WorkCell& cell = cells_[i];
    if (cell.changed || cell.read) {
      cache.Put(cell.pending.hashed_id(), cell.changed ? cell.encoded : cell.base);
    }
    for (const PendingOp* op = cell.pending.first; op != nullptr; op = op->next) {
      op->part->outcomes[op->index] = static_cast<char>(op->outcome);
      --op->part->open;
    }
  }
  std::vector<PartState*> finished;
  for (PartState* part : parts_) {
    part->CommittedAt(position);
    if (part->open == 0) finished.push_back(part);
  }
  return finished;
}

}  // namespace topgun::sync
