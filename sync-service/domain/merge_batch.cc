#include "domain/merge_batch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "domain/restamp.h"
#include "state/horizon.h"

namespace topgun::sync {

namespace {

CellState StateOf(std::string_view encoded) {
  CellState state;
  state::CellView view;
  if (encoded.empty() || !state::DecodeCell(encoded, &view)) return state;
  state.present = true;
  state.tombstone = view.tombstone;
  state.has_ttl = view.has_ttl;
  state.ttl_ms = view.ttl_ms;
  state.timestamp = view.timestamp;
  state.value = view.value;
  return state;
}

state::CellView ViewOf(const CellState& state) {
  state::CellView view;
  view.timestamp = state.timestamp;
  view.tombstone = state.tombstone;
  view.has_ttl = state.has_ttl;
  view.ttl_ms = state.ttl_ms;
  view.value = state.value;
  return view;
}

// A server timestamp whose node id lives as long as the clock.
crdt::TimestampView Tick(crdt::HybridLogicalClock& clock) {
  const crdt::Timestamp ticked = clock.Tick();
  return {ticked.millis, ticked.counter, clock.node_id()};
}

// An op older than what the server remembers: a write might bring back what was removed, a removal
// has nothing left to remove.
Outcome TooOld(const CellState& incoming) {
  return incoming.tombstone ? Outcome::kStale : Outcome::kRejected;
}

bool SameContent(const CellState& a, const CellState& b) {
  return a.tombstone == b.tombstone && a.value == b.value;
}

// Whether something of another node that clients can see gives way to something else.
bool Overwrites(const CellState& current, const CellState& record, int64_t now_ms) {
  return current.present && current.timestamp.node_id != record.timestamp.node_id &&
         !SameContent(current, record) && ViewOf(current).Live(now_ms);
}

bool IsOr(OpKind kind) { return kind != OpKind::kPut && kind != OpKind::kRemove; }

}  // namespace

void MergeBatch::Clear() {
  used_ = horizon_count_ = 0;
  last_clamps_ = nullptr;
  index_.clear();
  ops_.clear();
  parts_.clear();
  missing_.clear();
  arena_.clear();
  conflicts_.Clear();
  bytes_ = 0;
  changed_count_ = 0;
}

bool MergeBatch::full() const {
  return used_ - horizon_count_ >= limits_.cells_max || ops_.size() >= limits_.ops_max ||
         bytes_ >= limits_.bytes_max;
}

void MergeBatch::Take(const std::shared_ptr<PartState>& part) {
  if (parts_.empty() || parts_.back() != part) parts_.push_back(part);
  const WritePart& source = part->part;
  horizon_of_.assign(2 * source.maps.size(), nullptr);
  while (part->next < source.ops.size() && !full()) {
    const auto op_index = static_cast<uint32_t>(part->next++);
    const WriteOp& op = source.ops[op_index];
    ops_.push_back({part.get(), op_index, &CellOf(op, source.maps[op.map]), Outcome::kNone});
    bytes_ += op.key.size() + op.tag.size() + op.value.size();
  }
}

MergeBatch::WorkCell& MergeBatch::CellOf(const WriteOp& op, std::string_view map) {
  if (op.kind == OpKind::kDeadTag) return DeadTagFor(map, op.tag);
  const state::CellKind kind = IsOr(op.kind) ? state::CellKind::kOr : state::CellKind::kLww;
  WorkCell& cell = CellFor(kind, map, op.key, op.tag);
  WorkCell*& horizon = horizon_of_[2 * op.map + (IsOr(op.kind) ? 1 : 0)];
  if (horizon == nullptr) horizon = &HorizonFor(kind, map);
  cell.horizon = horizon;
  return cell;
}

MergeBatch::WorkCell& MergeBatch::DeadTagFor(std::string_view map, std::string_view tag) {
  return CellFor(state::CellKind::kOr, state::kDeadTagMap, map, tag);
}

MergeBatch::WorkCell& MergeBatch::CellFor(state::CellKind kind, std::string_view map,
                                          std::string_view key, std::string_view tag) {
  scratch_.clear();
  field_scratch_ = state::CellField(kind, key, tag);
  AppendCellId(scratch_, kind, map, field_scratch_);
  if (const auto it = index_.find(scratch_); it != index_.end()) return *it->second;
  if (used_ == cells_.size()) cells_.emplace_back();
  WorkCell& cell = cells_[used_++];
  cell.id = scratch_;
  cell.kind = kind;
  cell.map = map;
  cell.key = key;
  cell.tag = tag;
  cell.field = field_scratch_;
  cell.horizon = nullptr;
  cell.known = false;
  cell.base.clear();
  cell.before = cell.current = CellState();
  cell.changed = cell.tell_origin = false;
  index_.emplace(cell.id, &cell);
  return cell;
}

MergeBatch::WorkCell& MergeBatch::HorizonFor(state::CellKind kind, std::string_view map) {
  const size_t used_before = used_;
  const std::string& map_id = arena_.emplace_back(state::MapId(kind, map));
  WorkCell& cell = CellFor(state::CellKind::kLww, state::kHorizonMap, map_id, {});
  horizon_count_ += used_ - used_before;
  return cell;
}

void MergeBatch::SetBase(WorkCell& cell, std::string_view encoded) {
  cell.base.assign(encoded);
  cell.known = true;
  cell.before = StateOf(cell.base);
}

std::vector<CellRef> MergeBatch::LookUp(CellCache& cache) {
  missing_.clear();
  std::vector<CellRef> refs;
  for (size_t i = 0; i < used_; ++i) {
    WorkCell& cell = cells_[i];
    if (const std::string* cached = cache.Find(cell.id)) {
      SetBase(cell, *cached);
      continue;
    }
    missing_.push_back(&cell);
    refs.push_back({cell.kind, cell.map, cell.field});
  }
  return refs;
}

void MergeBatch::Provide(std::vector<std::optional<std::string>> cells, CellCache& cache) {
  for (size_t i = 0; i < missing_.size() && i < cells.size(); ++i) {
    const std::string encoded = std::move(cells[i]).value_or(std::string());
    cache.Put(missing_[i]->id, encoded);
    SetBase(*missing_[i], encoded);
  }
  missing_.clear();
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
  for (OpRef& ref : ops_) {
    ref.outcome = MergeOp(ref, clock, now_ms);
    if (ref.outcome == Outcome::kNone) complete = false;
  }
  return complete;
}

// Highest clock that retention has pruned from the cell's map.
int64_t MergeBatch::ForgottenUpTo(const WorkCell& cell) {
  constexpr int64_t kNothing = std::numeric_limits<int64_t>::min();
  if (cell.horizon == nullptr || !cell.horizon->current.present) return kNothing;
  const auto horizon = state::DecodeHorizon(cell.horizon->current.value);
  return horizon.has_value() ? horizon->millis : kNothing;
}

// Whether the cell may have been removed after `timestamp` and pruned since.
bool MergeBatch::IsForgotten(const WorkCell& cell, const crdt::TimestampView& timestamp) {
  return !cell.current.present && timestamp.millis <= ForgottenUpTo(cell);
}

Outcome MergeBatch::MergeOp(const OpRef& ref, crdt::HybridLogicalClock& clock, int64_t now_ms) {
  const WriteOp& op = ref.part->part.ops[ref.op];
  WorkCell& cell = *ref.cell;
  CellState incoming = RecordOf(op);
  if (incoming.timestamp.node_id.empty()) {
    // Newer than what it replaces, or than what may have been pruned here.
    clock.Observe(cell.current.present ? cell.current.timestamp
                                       : crdt::TimestampView{ForgottenUpTo(cell), 0, {}});
    incoming.timestamp = Tick(clock);
  } else if (IsForgotten(cell, incoming.timestamp)) {
    return TooOld(incoming);
  }
  const bool too_far_ahead = incoming.timestamp.millis > now_ms + crdt::kDriftMaxMs;
  if (!too_far_ahead) clock.Observe(incoming.timestamp);

  Outcome outcome;
  if (IsOr(op.kind)) {
    outcome = MergeOr(cell, incoming);
  } else {
    outcome = MergeLww(cell, incoming, too_far_ahead, clock);
  }
  if (outcome == Outcome::kApplied || outcome == Outcome::kRestamped) {
    cell.origin = ref.part->part.origins[op.origin];
  }
  return outcome;
}

Outcome MergeBatch::MergeOr(WorkCell& cell, CellState incoming) {
  if (expect_dead_tags_ && !incoming.tombstone && !cell.current.present) {
    const WorkCell& dead = DeadTagFor(cell.map, cell.tag);
    if (!dead.known) return Outcome::kNone;
    if (dead.current.present) {
      // Now that its key is known the tombstone is listed there, like any other.
      incoming.tombstone = true;
      incoming.has_ttl = false;
      incoming.value = {};
      Apply(cell, incoming, Verdict::kApply);
      return Outcome::kStale;
    }
  }
  return Apply(cell, incoming, JudgeOr(cell.current, incoming));
}

Outcome MergeBatch::MergeLww(WorkCell& cell, const CellState& incoming, bool too_far_ahead,
                             crdt::HybridLogicalClock& clock) {
  if (too_far_ahead) return Restamp(cell, incoming, true, clock);
  const Verdict verdict = JudgeLww(cell.current, incoming);
  if (verdict == Verdict::kCollision) return Restamp(cell, incoming, false, clock);
  if (verdict == Verdict::kStale) Lost(cell, incoming, cell.current);
  const bool wins = verdict == Verdict::kApply || verdict == Verdict::kApplyEcho;
  if (expect_clamps_ && wins) {
    if (const auto outcome = RecallClamped(cell, incoming)) return *outcome;
  }
  return Apply(cell, incoming, verdict);
}

void MergeBatch::Lost(const WorkCell& cell, const CellState& loser, const CellState& winner) {
  if (SameContent(loser, winner)) return;
  conflicts_.lost.push_back({cell.map, cell.key, loser.value, loser.timestamp, winner.timestamp});
  if (loser.has_ttl) conflicts_.lost.back().ttl_ms = loser.ttl_ms;
}

MergeBatch::WorkCell& MergeBatch::RecordFor(const WorkCell& cell, const CellState& original) {
  const std::string& key = arena_.emplace_back(RestampKey(cell.map, cell.key, original));
  return CellFor(state::CellKind::kLww, state::kRestampMap, key, {});
}

MergeBatch::WorkCell& MergeBatch::ClampsOf(std::string_view node) {
  if (last_clamps_ == nullptr || last_clamps_->key != node) {
    last_clamps_ = &CellFor(state::CellKind::kLww, state::kClampMap, node, {});
  }
  return *last_clamps_;
}

std::optional<Outcome> MergeBatch::Recall(WorkCell& cell, WorkCell& record, CellState incoming) {
  if (!record.known) return Outcome::kNone;
  const auto assigned = DecodeRestamp(record.current.value);
  if (!assigned.has_value()) return std::nullopt;
  // Seen before: whatever became of it then, it is that same record now.
  incoming.timestamp = *assigned;
  if (IsForgotten(cell, incoming.timestamp)) return TooOld(incoming);
  const Verdict verdict = JudgeLww(cell.current, incoming);
  if (verdict == Verdict::kStale) return Outcome::kStale;
  const bool is_stored = verdict == Verdict::kDuplicate || verdict == Verdict::kCollision;
  if (!is_stored) Apply(cell, incoming, Verdict::kApplyEcho);
  return Outcome::kRestamped;  // whoever sends it may not know its timestamp yet
}

std::optional<Outcome> MergeBatch::RecallClamped(WorkCell& cell, const CellState& incoming) {
  const WorkCell& clamps = ClampsOf(incoming.timestamp.node_id);
  if (!clamps.known) return Outcome::kNone;
  const auto clocks = DecodeClamps(clamps.current.value);
  const int64_t millis = incoming.timestamp.millis;
  if (!clocks.has_value() || millis < clocks->from || millis > clocks->upto) return std::nullopt;
  return Recall(cell, RecordFor(cell, incoming), incoming);
}

void MergeBatch::NoteClamp(const crdt::TimestampView& original,
                           const crdt::TimestampView& assigned) {
  WorkCell& note = ClampsOf(original.node_id);
  auto clocks =
      DecodeClamps(note.current.value).value_or(ClampedClocks{original.millis, original.millis});
  clocks.from = std::min(clocks.from, original.millis);
  clocks.upto = std::max(clocks.upto, original.millis);
  note.current = {true, false, false, 0, assigned, arena_.emplace_back(EncodeClamps(clocks))};
  note.changed = true;
}

Outcome MergeBatch::Restamp(WorkCell& cell, CellState incoming, bool too_far_ahead,
                            crdt::HybridLogicalClock& clock) {
  WorkCell& record = RecordFor(cell, incoming);
  const bool noted = !too_far_ahead || ClampsOf(incoming.timestamp.node_id).known;
  if (const auto outcome = Recall(cell, record, incoming)) return *outcome;
  if (!noted) return Outcome::kNone;

  const crdt::TimestampView original = incoming.timestamp;
  if (cell.current.present) clock.Observe(cell.current.timestamp);
  incoming.timestamp = Tick(clock);
  if (too_far_ahead) NoteClamp(original, incoming.timestamp);
  const bool collides = cell.current.present && cell.current.timestamp == original;
  ++(collides ? conflicts_.collisions : conflicts_.clocks_clamped);
  if (collides) Lost(cell, cell.current, incoming);
  record.current = incoming;
  record.current.tombstone = record.current.has_ttl = false;
  record.current.value = arena_.emplace_back(EncodeRestamp(incoming.timestamp));
  record.changed = true;
  Apply(cell, incoming, Verdict::kApplyEcho);
  return Outcome::kRestamped;
}

Outcome MergeBatch::Apply(WorkCell& cell, const CellState& record, Verdict verdict) {
  if (verdict == Verdict::kStale) return Outcome::kStale;
  if (verdict == Verdict::kDuplicate) return Outcome::kDuplicate;
  if (cell.kind == state::CellKind::kLww && Overwrites(cell.current, record, now_ms_)) {
    ++conflicts_.overwrites;
  }
  cell.current = record;
  cell.changed = true;
  cell.tell_origin = verdict == Verdict::kApplyEcho;
  return Outcome::kApplied;
}

CommitRequest MergeBatch::BuildCommit(const state::Position& tail, int64_t now_ms) {
  CommitRequest request;
  request.tail = tail;
  builder_.Clear();
  changed_count_ = 0;
  for (size_t i = 0; i < used_; ++i) {
    WorkCell& cell = cells_[i];
    if (!cell.changed) continue;
    ++changed_count_;
    state::CellView view = ViewOf(cell.current);
    view.version = {tail.incarnation, tail.n + 1};
    view.commit_ms = now_ms;
    cell.encoded.clear();
    state::AppendCell(cell.encoded, view);
    const bool was_live = cell.before.present && ViewOf(cell.before).Live(now_ms);
    state::ChangeView change;
    change.kind = cell.kind;
    change.flags = static_cast<uint8_t>((was_live ? state::kChangeWasLive : 0) |
                                        (cell.tell_origin ? state::kChangeTellOrigin : 0));
    change.map = builder_.MapIndex(cell.map);
    change.origin = builder_.OriginIndex(cell.origin);
    change.key = cell.key;
    change.tag = cell.tag;
    change.cell = cell.encoded;
    builder_.Add(change);
  }
  entry_ = changed_count_ == 0 ? std::string() : builder_.Build(now_ms);
  request.entry = entry_;
  CollectWrites(request);
  return request;
}

void MergeBatch::CollectWrites(CommitRequest& request) {
  BytesMap<size_t> group_of_map;
  std::vector<std::string> ids;  // of request.cells
  for (size_t i = 0; i < used_; ++i) {
    const WorkCell& cell = cells_[i];
    std::string map_id = state::MapId(cell.kind, cell.map);
    const auto [it, is_new] = group_of_map.try_emplace(map_id, request.cells.size());
    if (is_new) {
      ids.push_back(std::move(map_id));
      request.cells.push_back({cell.kind, cell.map, {}});
    }
    if (!cell.changed) continue;
    CellWrites& writes = request.cells[it->second];
    writes.fields_and_cells.push_back(cell.field);
    writes.fields_and_cells.push_back(cell.encoded);
  }
  // Maps that are written come first (docs/state-layout.md, "commit").
  for (const bool written : {true, false}) {
    for (size_t i = 0; i < ids.size(); ++i) {
      const bool is_written = !request.cells[i].fields_and_cells.empty();
      if (is_written == written) request.map_ids.push_back(std::move(ids[i]));
    }
  }
  std::erase_if(request.cells, [](const CellWrites& w) { return w.fields_and_cells.empty(); });
}

std::vector<std::shared_ptr<PartState>> MergeBatch::Settle(const state::Position& position,
                                                           CellCache& cache) {
  for (size_t i = 0; i < used_; ++i) {
    if (cells_[i].changed) cache.Put(cells_[i].id, cells_[i].encoded);
  }
  for (const OpRef& ref : ops_) {
    ref.part->outcomes[ref.op] = static_cast<char>(ref.outcome);
    --ref.part->open;
  }
  std::vector<std::shared_ptr<PartState>> finished;
  for (auto& part : parts_) {
    part->CommittedAt(position);
    if (part->open == 0) finished.push_back(part);
  }
  return finished;
}

}  // namespace topgun::sync
