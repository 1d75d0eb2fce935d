// What becomes of each op of a batch.
#include <limits>

#include "domain/merge_batch.h"
#include "domain/restamp.h"
#include "state/horizon.h"

namespace topgun::sync {

namespace {

// A server timestamp whose node id lives as long as the clock.
crdt::TimestampView Tick(crdt::HybridLogicalClock& clock) {
  const crdt::Timestamp ticked = clock.Tick();
  return {ticked.millis, ticked.counter, clock.node_id()};
}

// The least timestamp of this moment that beats what is stored. Not a tick: clients may have driven
// the clock up to kDriftMaxMs ahead, and what it ticks would hide everybody's writes for so long.
crdt::TimestampView StampOver(const CellState& current, int64_t now_ms, const std::string& node) {
  constexpr int64_t kCounterMax = 0xffff'ffff;
  if (!current.present || current.timestamp.millis < now_ms) return {now_ms, 0, node};
  const crdt::TimestampView& stored = current.timestamp;
  if (stored.counter >= kCounterMax) return {stored.millis + 1, 0, node};
  return {stored.millis, stored.counter + 1, node};
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
  return current.timestamp.node_id != record.timestamp.node_id && current.Live(now_ms) &&
         !SameContent(current, record);
}

}  // namespace

// Highest clock that retention has pruned from the cell's map.
int64_t MergeBatch::ForgottenUpTo(const WorkCell& cell) {
  constexpr int64_t kNothing = std::numeric_limits<int64_t>::min();
  const WorkCell* const stored = cell.map->horizon;
  if (stored == nullptr || !stored->current.present) return kNothing;
  const auto horizon = state::DecodeHorizon(stored->current.value);
  return horizon.has_value() ? horizon->millis : kNothing;
}

// Whether the cell may have been removed after `timestamp` and pruned since.
bool MergeBatch::IsForgotten(const WorkCell& cell, const crdt::TimestampView& timestamp) {
  return !cell.current.present && timestamp.millis <= ForgottenUpTo(cell);
}

Outcome MergeBatch::MergeOp(const PendingOp& pending, WorkCell& cell,
                            crdt::HybridLogicalClock& clock) {
  const WritePart& part = pending.part->part;
  const WriteOp& op = part.ops[pending.index];
  if (op.kind == OpKind::kCounter) {
    const Outcome counted = MergeCounter(cell, op.value);
    if (counted == Outcome::kApplied) cell.origin = part.origins[op.origin];
    return counted;
  }
  CellState incoming = RecordOf(op);
  if (incoming.timestamp.node_id.empty()) {
    // Newer than what it replaces, or than what may have been pruned here.
    clock.Observe(cell.current.present ? cell.current.timestamp
                                       : crdt::TimestampView{ForgottenUpTo(cell), 0, {}});
    incoming.timestamp = Tick(clock);
  } else if (IsForgotten(cell, incoming.timestamp)) {
    return TooOld(incoming);
  }
  const bool too_far_ahead = incoming.timestamp.millis > now_ms_ + crdt::kDriftMaxMs;
  if (!too_far_ahead) clock.Observe(incoming.timestamp);

  const crdt::TimestampView before = cell.current.timestamp;
  Outcome outcome;
  if (cell.map->kind == state::CellKind::kOr) {
    outcome = MergeOr(cell, incoming);
  } else {
    outcome = MergeLww(cell, incoming, too_far_ahead, clock);
  }
  // An op that was re-stamped earlier may have changed nothing now.
  const bool restamped = outcome == Outcome::kRestamped && cell.current.timestamp != before;
  if (outcome == Outcome::kApplied || restamped) {
    cell.origin = part.origins[op.origin];
  }
  return outcome;
}

Outcome MergeBatch::MergeOr(WorkCell& cell, CellState incoming) {
  if (expect_dead_tags_ && !incoming.tombstone && !cell.current.present) {
    const WorkCell& dead = DeadTagFor(cell.map->name, cell.pending.tag);
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

// No clock has a say: amounts only grow.
Outcome MergeBatch::MergeCounter(WorkCell& cell, std::string_view value) {
  const auto counted = state::DecodeCounted(value);
  if (!counted.has_value()) return Outcome::kRejected;
  const CounterMerge merge = MergeCounted(cell.current, *counted);
  CellState joined;
  joined.present = true;
  if (merge.verdict == Verdict::kApply) {
    joined.value = arena_.emplace_back(state::EncodeCounted(merge.joined));
  }
  return Apply(cell, joined, merge.verdict);
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
  conflicts_.lost.push_back(
      {cell.map->name, cell.pending.key, loser.value, loser.timestamp, winner.timestamp});
  if (loser.has_ttl) conflicts_.lost.back().ttl_ms = loser.ttl_ms;
}

MergeBatch::WorkCell& MergeBatch::RecordFor(const WorkCell& cell, const CellState& original) {
  const std::string& key =
      arena_.emplace_back(RestampKey(cell.map->name, cell.pending.key, original));
  return SystemCell(state::CellKind::kLww, state::kRestampMap, key, {});
}

MergeBatch::WorkCell& MergeBatch::ClampsOf(std::string_view node) {
  return SystemCell(state::CellKind::kLww, state::kClampMap, node, {});
}

std::optional<Outcome> MergeBatch::Recall(WorkCell& cell, WorkCell& record, CellState incoming) {
  if (!record.known) return Outcome::kNone;
  const auto assigned = DecodeRestamp(record.current.value);
  if (!assigned.has_value()) return std::nullopt;
  // Seen before: whatever became of it then, it is that same record now.
  incoming.timestamp = *assigned;
  if (IsForgotten(cell, incoming.timestamp)) return TooOld(incoming);
  const Verdict verdict = JudgeLww(cell.current, incoming);
  const bool wins = verdict == Verdict::kApply || verdict == Verdict::kApplyEcho;
  if (wins) Apply(cell, incoming, Verdict::kApplyEcho);
  // Whoever sends it may not know yet that its timestamp has changed, also when it lost since.
  return Outcome::kRestamped;
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
  incoming.timestamp = StampOver(cell.current, now_ms_, clock.node_id());
  clock.Observe(incoming.timestamp);
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
  if (cell.map->kind == state::CellKind::kLww && Overwrites(cell.current, record, now_ms_)) {
    ++conflicts_.overwrites;
  }
  cell.current = record;
  cell.changed = true;
  cell.tell_origin = verdict == Verdict::kApplyEcho;
  return Outcome::kApplied;
}

}  // namespace topgun::sync
