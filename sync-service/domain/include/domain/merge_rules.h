// What becomes of one op on one cell: lib/crdt's order plus the server's policy for equal
// timestamps (architecture: re-stamping, core.md 5.4). Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "domain/write.h"
#include "state/cell.h"
#include "state/counted.h"
#include "state/keys.h"

namespace topgun::sync {

// A cell while a batch is merged; views borrow from the stored cell or from the op that won.
struct CellState {
  // Whether clients see it.
  bool Live(int64_t now_ms) const;

  bool present = false;
  bool tombstone = false;
  bool has_ttl = false;
  double ttl_ms = 0;
  crdt::TimestampView timestamp;
  std::string_view value;
};

enum class Verdict : uint8_t {
  kApply,      // the op wins
  kApplyEcho,  // it wins with an equal value: its writer keeps an older timestamp unless told
  kStale,      // a newer record decided already
  kDuplicate,  // this very record is stored
  kCollision,  // same timestamp, another record: the later arrival must be re-stamped
};

// Of a stored cell, which is absent when empty; borrows its bytes.
CellState StateOf(std::string_view encoded);
// As a cell without version and commit time.
state::CellView ViewOf(const CellState& state);

// The record an op wants to store.
CellState RecordOf(const WriteOp& op);

Verdict JudgeLww(const CellState& current, const CellState& incoming);
Verdict JudgeOr(const CellState& current, const CellState& incoming);

// What a counter's cell is after an op that says `counted`, if the op changes it (kApply).
struct CounterMerge {
  Verdict verdict = Verdict::kApply;
  state::Counted joined;
};
CounterMerge MergeCounted(const CellState& current, const state::Counted& counted);

// The cell that comes of one in Redis and its row, in the order of lib/crdt, without the policies
// for client writes; empty when it is the one in Redis. `stored` is empty when there is none.
std::string MergeLoaded(state::CellKind kind, std::string_view stored, std::string_view loaded);

}  // namespace topgun::sync
