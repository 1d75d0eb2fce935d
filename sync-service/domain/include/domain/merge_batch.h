// Cells that are merged and committed together with their ops: one script call, one feed entry.
//
// Life: Take() cells until full; LookUp() cells in the cache; Provide() what had to be read;
// Merge(); BuildCommit(); after the commit Settle(). A conflict repeats from LookUp(), after
// Remember(). Owned by a
// Shard and reused (keeps its capacity); used on the shard's loop.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/hybrid_logical_clock.h"
#include "domain/cell_cache.h"
#include "domain/conflicts.h"
#include "domain/io.h"
#include "domain/merge_rules.h"
#include "domain/pending_ops.h"
#include "domain/write.h"
#include "state/feed_entry.h"

namespace topgun::sync {

struct BatchLimits {
  size_t cells_max = 500;   // beyond, the script's run time hurts p99
  size_t ops_max = 32'768;  // merging a few takes a millisecond as well
  uint64_t bytes_max = 8u << 20;
};

class MergeBatch {
 public:
  explicit MergeBatch(BatchLimits limits) : limits_(limits) {}

  void Clear();
  bool empty() const { return used_ == 0; }
  bool full() const;
  size_t op_count() const { return op_count_; }
  size_t cell_count() const { return used_; }

  // The cell and its ops belong to the batch until Clear().
  void Take(PendingCell cell);

  // Fills cells from the cache; returns those that must be read.
  std::vector<CellRef> LookUp(CellCache& cache);
  // Answers of the last LookUp(), in its order.
  void Provide(std::vector<std::optional<std::string>> cells);
  // Puts what was read into the cache for another LookUp(); Settle() does it otherwise. Only while
  // it is at least as new as the shard's position.
  void Remember(CellCache& cache);

  // Whether a record may come under a tag that is dead already (docs/state-layout.md, "dead tags").
  void ExpectDeadTags(bool expect) { expect_dead_tags_ = expect; }
  // Whether an op may come whose clock was too far ahead once (restamp.h).
  void ExpectClamps(bool expect) { expect_clamps_ = expect; }
  // Merges cell by cell, the ops of each in arrival order. False: re-stamp records, notes of clamps
  // or dead tags must be read, LookUp() again first.
  bool Merge(crdt::HybridLogicalClock& clock, int64_t now_ms);

  // The commit that follows `tail`; views point into the batch.
  CommitRequest BuildCommit(const state::Position& tail, int64_t now_ms);
  // The feed entry of the commit, empty when nothing changed. Once it is committed.
  std::string TakeEntry() { return std::exchange(entry_, {}); }
  size_t changed_count() const { return changed_count_; }
  // Of the first part with ops in it that is traced; empty: none is.
  std::string trace_id() const;

  // Records outcomes and position in the parts, stores new cells in the cache, and returns the
  // parts that are finished.
  std::vector<PartState*> Settle(const state::Position& position, CellCache& cache);
  // Of the last Merge(); valid until Clear().
  const Conflicts& conflicts() const { return conflicts_; }

 private:
  struct WorkCell;
  // What the cells of a map share.
  struct BatchMap {
    state::CellKind kind = state::CellKind::kLww;
    std::string_view name;
    bool has_ops = false;
    WorkCell* horizon = nullptr;         // what retention has forgotten of it; if it has ops
    std::optional<uint32_t> feed_index;  // in the entry's dictionary
    std::vector<std::string_view> fields_and_cells;  // to be written
  };
  struct WorkCell {
    PendingCell pending;
    BatchMap* map = nullptr;
    bool known = false;
    bool read = false;    // from the store, and not in the cache yet
    std::string base;     // as stored; empty when absent
    std::string encoded;  // as written
    CellState before;
    CellState current;
    std::string_view origin;
    bool changed = false;
    bool tell_origin = false;
  };

  WorkCell& Add(PendingCell cell);
  BatchMap& MapOf(const PendingCell& cell);
  // A cell that no op in hand is about, but that decides what becomes of one.
  WorkCell& SystemCell(state::CellKind kind, std::string_view map, std::string_view key,
                       std::string_view tag);
  WorkCell& DeadTagFor(std::string_view map, std::string_view tag);
  WorkCell& RecordFor(const WorkCell& cell, const CellState& original);
  WorkCell& ClampsOf(std::string_view node);
  void AddHorizons();
  static void BaseIsSet(WorkCell& cell, bool read);
  void Reset();

  // kNone: the re-stamp record or the dead tag must be read first.
  Outcome MergeOp(const PendingOp& pending, WorkCell& cell, crdt::HybridLogicalClock& clock);
  Outcome MergeOr(WorkCell& cell, CellState incoming);
  Outcome MergeCounter(WorkCell& cell, std::string_view value);
  Outcome MergeLww(WorkCell& cell, const CellState& incoming, bool too_far_ahead,
                   crdt::HybridLogicalClock& clock);
  static int64_t ForgottenUpTo(const WorkCell& cell);
  static bool IsForgotten(const WorkCell& cell, const crdt::TimestampView& timestamp);
  // kNone: a record must be read first; nullopt: the op was never re-stamped.
  std::optional<Outcome> Recall(WorkCell& cell, WorkCell& record, CellState incoming);
  std::optional<Outcome> RecallClamped(WorkCell& cell, const CellState& incoming);
  Outcome Restamp(WorkCell& cell, CellState incoming, bool too_far_ahead,
                  crdt::HybridLogicalClock& clock);
  void NoteClamp(const crdt::TimestampView& original, const crdt::TimestampView& assigned);
  void Lost(const WorkCell& cell, const CellState& loser, const CellState& winner);
  Outcome Apply(WorkCell& cell, const CellState& record, Verdict verdict);

  bool awaited() const;
  void AddTraces();
  void AddChange(WorkCell& cell, const state::Position& version, int64_t now_ms);
  void CollectWrites(CommitRequest& request);

  BatchLimits limits_;
  uint64_t serial_ = 1;         // of the batch, to notice the parts it takes ops of
  std::deque<WorkCell> cells_;  // addresses are stable; the first used_ are in use
  size_t used_ = 0;
  size_t taken_ = 0;  // of those, with ops; the first ones
  std::deque<BatchMap> maps_;
  size_t maps_used_ = 0;
  // By the part of a cell's id that names its map.
  absl::flat_hash_map<std::string_view, BatchMap*, BytesHash, BytesEqual> map_index_;
  // Cells of the system's maps, by id.
  absl::flat_hash_map<std::string_view, WorkCell*, BytesHash, BytesEqual> system_index_;
  bool expect_dead_tags_ = false;
  bool expect_clamps_ = false;
  size_t op_count_ = 0;
  uint64_t bytes_ = 0;
  std::vector<PartState*> parts_;
  std::vector<WorkCell*> missing_;
  std::deque<std::string> arena_;  // bytes made here: names and values of the system's cells
  int64_t now_ms_ = 0;             // of the merge
  Conflicts conflicts_;
  state::FeedEntryBuilder builder_;
  std::string entry_;
  size_t changed_count_ = 0;
};

}  // namespace topgun::sync
