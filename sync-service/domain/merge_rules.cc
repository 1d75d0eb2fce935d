#include "domain/merge_rules.h"

namespace topgun::sync {

namespace {

bool SameRecord(const CellState& a, const CellState& b) {
  return a.tombstone == b.tombstone && a.value == b.value && a.has_ttl == b.has_ttl &&
         (!a.has_ttl || a.ttl_ms == b.ttl_ms);
}

}  // namespace

CellState RecordOf(const WriteOp& op) {
  CellState record;
  record.present = true;
  record.tombstone = op.kind == OpKind::kRemove || op.kind == OpKind::kOrRemove;
  record.timestamp = op.timestamp;
  if (!record.tombstone) {
    record.value = op.value;
    record.has_ttl = op.has_ttl;
    record.ttl_ms = op.ttl_ms;
  }
  return record;
}

Verdict JudgeLww(const CellState& current, const CellState& incoming) {
  if (!current.present) return Verdict::kApply;
  const auto order = incoming.timestamp <=> current.timestamp;
  if (order < 0) return Verdict::kStale;
  const bool same = SameRecord(current, incoming);
  if (order == 0) return same ? Verdict::kDuplicate : Verdict::kCollision;
  return same ? Verdict::kApplyEcho : Verdict::kApply;
}

Verdict JudgeOrAdd(const CellState& current, const CellState& incoming) {
  if (!current.present) return Verdict::kApply;
  if (current.tombstone) return Verdict::kStale;
  const auto order = incoming.timestamp <=> current.timestamp;
  if (order > 0) return Verdict::kApply;
  return order == 0 && SameRecord(current, incoming) ? Verdict::kDuplicate : Verdict::kStale;
}

Verdict JudgeOrRemove(const CellState& current) {
  return current.present && current.tombstone ? Verdict::kDuplicate : Verdict::kApply;
}

}  // namespace topgun::sync
