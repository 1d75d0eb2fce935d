#include "domain/pending_ops.h"

#include "state/keys.h"

namespace topgun::sync {

PartState::PartState(WritePart part_in)
    : part(std::move(part_in)),
      outcomes(part.ops.size(), '\0'),
      ops(part.ops.size()),
      open(part.ops.size()) {
  for (uint32_t i = 0; i < ops.size(); ++i) {
    ops[i].part = this;
    ops[i].index = i;
  }
}

void PendingOps::Add(PartState& part) {
  for (PendingOp& pending : part.ops) {
    const WriteOp& op = part.part.ops[pending.index];
    PendingCell& cell = CellOf(op, part.part.maps[op.map]);
    (cell.first == nullptr ? cell.first : cell.last->next) = &pending;
    cell.last = &pending;
    ++cell.op_count;
    cell.bytes += op.key.size() + op.tag.size() + op.value.size();
  }
}

PendingCell& PendingOps::CellOf(const WriteOp& op, std::string_view map) {
  const state::CellKind kind = CellKindOf(op.kind);
  // A dead tag is a cell of its own map, whose key is the name of the client's map.
  const bool dead = op.kind == OpKind::kDeadTag;
  const std::string_view cell_map = dead ? state::kDeadTagMap : map;
  const std::string_view key = dead ? map : op.key;
  scratch_.clear();
  AppendCellId(scratch_, kind, cell_map, {});
  const size_t map_prefix = scratch_.size();
  state::AppendCellField(scratch_, kind, key, op.tag);
  const HashedId id(scratch_);
  if (const auto found = index_.find(id); found != index_.end()) return **found;
  PendingCell& cell = cells_.emplace_back();
  cell.id = scratch_;
  cell.hash = id.hash;
  cell.map_prefix = map_prefix;
  cell.kind = kind;
  cell.map = cell_map;
  cell.key = key;
  cell.tag = op.tag;
  index_.insert(&cell);
  return cell;
}

PendingCell PendingOps::TakeOldest() {
  index_.erase(&cells_.front());
  PendingCell cell = std::move(cells_.front());
  cells_.pop_front();
  return cell;
}

void PendingOps::Clear() {
  index_.clear();
  cells_.clear();
}

}  // namespace topgun::sync
