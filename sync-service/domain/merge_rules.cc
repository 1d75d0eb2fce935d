#include "domain/merge_rules.h"

#include "crdt/merge.h"

namespace topgun::sync {

namespace {

bool SameRecord(const CellState& a, const CellState& b) {
  return a.tombstone == b.tombstone && a.value == b.value && a.has_ttl == b.has_ttl &&
         (!a.has_ttl || a.ttl_ms == b.ttl_ms);
}

// Malformed ones count as nothing.
state::Counted CountedOf(std::string_view value) {
  return state::DecodeCounted(value).value_or(state::Counted());
}

// Neither may be ahead of the other: then the cell is one that nobody has committed.
std::string JoinCells(const state::CellView& current, const state::CellView& incoming) {
  const state::Counted before = CountedOf(current.value);
  const state::Counted joined = JoinOf(before, CountedOf(incoming.value));
  if (joined == before) return {};
  const std::string value = state::EncodeCounted(joined);
  state::CellView cell = current.version < incoming.version ? incoming : current;
  cell.value = value;
  return state::EncodeCell(cell);
}

}  // namespace

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

bool CellState::Live(int64_t now_ms) const { return present && ViewOf(*this).Live(now_ms); }

CellState RecordOf(const WriteOp& op) {
  CellState record;
  record.present = true;
  record.tombstone = op.kind != OpKind::kPut && op.kind != OpKind::kOrAdd;
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
  const bool same = SameRecord(current, incoming);
  switch (crdt::CompareLww(current.timestamp, incoming.timestamp)) {
    case crdt::MergeOutcome::kApplied:
      return same ? Verdict::kApplyEcho : Verdict::kApply;
    case crdt::MergeOutcome::kDuplicate:
      return same ? Verdict::kDuplicate : Verdict::kCollision;
    case crdt::MergeOutcome::kStale:
      break;
  }
  return Verdict::kStale;
}

Verdict JudgeOr(const CellState& current, const CellState& incoming) {
  if (!current.present) return Verdict::kApply;
  switch (crdt::CompareOrTag({current.timestamp, current.tombstone},
                             {incoming.timestamp, incoming.tombstone})) {
    case crdt::MergeOutcome::kApplied:
      return Verdict::kApply;
    case crdt::MergeOutcome::kDuplicate:
      // One tag with two values and one timestamp: the first stays (core.md 4.2).
      return SameRecord(current, incoming) ? Verdict::kDuplicate : Verdict::kStale;
    case crdt::MergeOutcome::kStale:
      break;
  }
  return Verdict::kStale;
}

CounterMerge MergeCounted(const CellState& current, const state::Counted& counted) {
  const state::Counted before = CountedOf(current.value);
  const state::Counted joined = JoinOf(before, counted);
  if (joined != before) return {Verdict::kApply, joined};
  return {counted == before ? Verdict::kDuplicate : Verdict::kStale, joined};
}

std::string MergeLoaded(state::CellKind kind, std::string_view stored, std::string_view loaded) {
  state::CellView current;
  state::CellView incoming;
  if (stored.empty()) return std::string(loaded);
  if (!state::DecodeCell(loaded, &incoming)) return {};
  if (!state::DecodeCell(stored, &current)) return std::string(loaded);
  if (kind == state::CellKind::kCounter) return JoinCells(current, incoming);
  const crdt::MergeOutcome outcome =
      kind == state::CellKind::kOr ? crdt::CompareOrTag({current.timestamp, current.tombstone},
                                                        {incoming.timestamp, incoming.tombstone})
                                   : crdt::CompareLww(current.timestamp, incoming.timestamp);
  return outcome == crdt::MergeOutcome::kApplied ? std::string(loaded) : std::string();
}

}  // namespace topgun::sync
