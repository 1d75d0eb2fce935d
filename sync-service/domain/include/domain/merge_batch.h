// Ops that are merged and committed together: one script call, one feed entry.
//
// Life: Take() ops until full; LookUp() cells in the cache; Provide() what had to be read; Merge();
// BuildCommit(); after the commit Settle(). A conflict repeats from LookUp(). Ops on the same cell
// collapse into one cell write. Owned by a Shard and reused (keeps its capacity); used on the
// shard's loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/hybrid_logical_clock.h"
#include "domain/cell_cache.h"
#include "domain/conflicts.h"
#include "domain/io.h"
#include "domain/merge_rules.h"
#include "domain/write.h"
#include "state/feed_entry.h"

namespace topgun::sync {

// A part that waits for its ops to be merged, possibly over several batches.
struct PartState {
  explicit PartState(WritePart part_in)
      : part(std::move(part_in)), outcomes(part.ops.size(), '\0'), open(part.ops.size()) {}

  // Redis may have lost what an earlier batch committed when the incarnation rose in between, so a
  // part never claims more than the first incarnation it was committed under.
  void CommittedAt(const state::Position& at) {
    const bool first = position == state::Position{};
    if (first || at.incarnation == position.incarnation) position = std::max(position, at);
  }

  WritePart part;
  std::string outcomes;
  size_t next = 0;  // first op that is in no batch yet
  size_t open = 0;  // ops without outcome
  state::Position position;
};

struct BatchLimits {
  size_t cells_max = 250;  // beyond, the script's run time hurts p99
  size_t ops_max = 4096;
  uint64_t bytes_max = 4u << 20;
};

class MergeBatch {
 public:
  explicit MergeBatch(BatchLimits limits) : limits_(limits) {}

  void Clear();
  bool empty() const { return ops_.empty(); }
  bool full() const;
  size_t op_count() const { return ops_.size(); }
  size_t cell_count() const { return used_; }

  // Takes ops from the part until it is used up or the batch is full.
  void Take(const std::shared_ptr<PartState>& part);

  // Fills cells from the cache; returns those that must be read.
  std::vector<CellRef> LookUp(CellCache& cache);
  // Answers of the last LookUp(), in its order.
  void Provide(std::vector<std::optional<std::string>> cells, CellCache& cache);

  // Whether a record may come under a tag that is dead already (docs/state-layout.md, "dead tags").
  void ExpectDeadTags(bool expect) { expect_dead_tags_ = expect; }
  // Whether an op may come whose clock was too far ahead once (restamp.h).
  void ExpectClamps(bool expect) { expect_clamps_ = expect; }
  // Merges every op in arrival order. False: re-stamp records, notes of clamps or dead tags must be
  // read, LookUp() again first.
  bool Merge(crdt::HybridLogicalClock& clock, int64_t now_ms);

  // The commit that follows `tail`; views point into the batch.
  CommitRequest BuildCommit(const state::Position& tail, int64_t now_ms);
  const std::string& entry() const { return entry_; }
  size_t changed_count() const { return changed_count_; }

  // Records outcomes and position in the parts, stores new cells in the cache, and returns the
  // parts that are finished.
  std::vector<std::shared_ptr<PartState>> Settle(const state::Position& position, CellCache& cache);
  // Of the last Merge(); valid until Clear().
  const Conflicts& conflicts() const { return conflicts_; }
  // Parts that have ops in this batch.
  const std::vector<std::shared_ptr<PartState>>& parts() const { return parts_; }

 private:
  struct WorkCell {
    std::string id;
    state::CellKind kind = state::CellKind::kLww;
    std::string_view map;
    std::string_view key;
    std::string_view tag;
    std::string field;
    WorkCell* horizon = nullptr;  // of its map: what retention has forgotten
    bool known = false;
    std::string base;     // as stored; empty when absent
    std::string encoded;  // as written
    CellState before;
    CellState current;
    std::string_view origin;
    bool changed = false;
    bool tell_origin = false;
  };
  struct OpRef {
    PartState* part;
    uint32_t op;
    WorkCell* cell;
    Outcome outcome;
  };

  // The cell that an op is about.
  WorkCell& CellOf(const WriteOp& op, std::string_view map);
  WorkCell& DeadTagFor(std::string_view map, std::string_view tag);
  WorkCell& CellFor(state::CellKind kind, std::string_view map, std::string_view key,
                    std::string_view tag);
  WorkCell& HorizonFor(state::CellKind kind, std::string_view map);
  static int64_t ForgottenUpTo(const WorkCell& cell);
  static bool IsForgotten(const WorkCell& cell, const crdt::TimestampView& timestamp);
  void SetBase(WorkCell& cell, std::string_view encoded);
  void Reset();
  // kNone: the re-stamp record or the dead tag must be read first.
  Outcome MergeOp(const OpRef& ref, crdt::HybridLogicalClock& clock, int64_t now_ms);
  Outcome MergeOr(WorkCell& cell, CellState incoming);
  Outcome MergeLww(WorkCell& cell, const CellState& incoming, bool too_far_ahead,
                   crdt::HybridLogicalClock& clock);
  // kNone: a record must be read first; nullopt: the op was never re-stamped.
  std::optional<Outcome> Recall(WorkCell& cell, WorkCell& record, CellState incoming);
  std::optional<Outcome> RecallClamped(WorkCell& cell, const CellState& incoming);
  Outcome Restamp(WorkCell& cell, CellState incoming, bool too_far_ahead,
                  crdt::HybridLogicalClock& clock);
  void NoteClamp(const crdt::TimestampView& original, const crdt::TimestampView& assigned);
  WorkCell& RecordFor(const WorkCell& cell, const CellState& original);
  WorkCell& ClampsOf(std::string_view node);
  void Lost(const WorkCell& cell, const CellState& loser, const CellState& winner);
  Outcome Apply(WorkCell& cell, const CellState& record, Verdict verdict);
  void CollectWrites(CommitRequest& request);

  BatchLimits limits_;
  std::deque<WorkCell> cells_;  // addresses are stable; the first used_ are in use
  size_t used_ = 0;
  bool expect_dead_tags_ = false;
  bool expect_clamps_ = false;
  size_t horizon_count_ = 0;           // of those, horizons: only read, and no limit counts them
  WorkCell* last_clamps_ = nullptr;    // of the node asked for last: ops of one node come together
  std::vector<WorkCell*> horizon_of_;  // by map and kind of the part being taken
  absl::flat_hash_map<std::string_view, WorkCell*, BytesHash, BytesEqual> index_;
  std::vector<OpRef> ops_;
  std::vector<std::shared_ptr<PartState>> parts_;
  std::vector<WorkCell*> missing_;
  std::deque<std::string> arena_;  // bytes made here: re-stamp keys and values
  std::string scratch_;
  std::string field_scratch_;
  uint64_t bytes_ = 0;
  int64_t now_ms_ = 0;  // of the merge
  Conflicts conflicts_;
  state::FeedEntryBuilder builder_;
  std::string entry_;
  size_t changed_count_ = 0;
};

}  // namespace topgun::sync
