// Ops that wait for a commit, gathered by the cell they are about.
//
// Everything on one cell that is in hand merges into one write, whatever else waits between: a
// commit takes the oldest cells with all of their ops. Ops on one cell keep their order; ops on
// different cells have none that anybody could rely on, since they may be in different shards.
// Owned by a Shard and used on its loop; the Shard limits what waits here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "domain/cell_cache.h"
#include "domain/write.h"

namespace topgun::sync {

struct PartState;

// An op of a part, linked to the next one on the same cell.
struct PendingOp {
  PartState* part = nullptr;
  uint32_t index = 0;  // into the part's ops
  Outcome outcome = Outcome::kNone;
  PendingOp* next = nullptr;
};

// A part until each of its ops has an outcome, which may take several commits.
struct PartState {
  explicit PartState(WritePart part_in);

  // Redis may have lost what an earlier commit contained when the incarnation rose in between, so a
  // part never claims more than the first incarnation it was committed under.
  void CommittedAt(const state::Position& at) {
    const bool first = position == state::Position{};
    if (first || at.incarnation == position.incarnation) position = std::max(position, at);
  }

  WritePart part;
  std::string outcomes;
  std::vector<PendingOp> ops;  // never resized: cells point to them
  size_t open = 0;             // ops without outcome
  uint64_t batch = 0;          // the last one that took ops of it
  state::Position position;
  std::list<PartState>::iterator place;  // among the shard's parts
};

// Views borrow from the part of the first op.
struct PendingCell {
  std::string_view field() const { return std::string_view(id).substr(map_prefix); }
  HashedId hashed_id() const { return {id, hash}; }

  std::string id;         // AppendCellId()
  size_t hash = 0;        // of it (HashedId)
  size_t map_prefix = 0;  // bytes of `id` that name the map
  state::CellKind kind = state::CellKind::kLww;
  std::string_view map;
  std::string_view key;
  std::string_view tag;
  PendingOp* first = nullptr;
  PendingOp* last = nullptr;
  size_t op_count = 0;
  uint64_t bytes = 0;  // of its ops' keys, tags and values
};

class PendingOps {
 public:
  PendingOps() = default;
  PendingOps(const PendingOps&) = delete;
  PendingOps& operator=(const PendingOps&) = delete;

  void Add(PartState& part);
  bool empty() const { return cells_.empty(); }
  size_t cell_count() const { return cells_.size(); }
  // The cell that has waited longest. Not when empty.
  PendingCell TakeOldest();
  void Clear();

 private:
  struct IdHash {
    using is_transparent = void;
    size_t operator()(const HashedId& id) const { return id.hash; }
    size_t operator()(const PendingCell* cell) const { return cell->hash; }
  };
  struct IdEqual {
    using is_transparent = void;
    bool operator()(const PendingCell* a, const HashedId& b) const { return a->id == b.bytes; }
    bool operator()(const PendingCell* a, const PendingCell* b) const { return a == b; }
  };

  PendingCell& CellOf(const WriteOp& op, std::string_view map);

  std::deque<PendingCell> cells_;                             // ends move, elements do not
  absl::flat_hash_set<PendingCell*, IdHash, IdEqual> index_;  // by id
  std::string scratch_;
};

}  // namespace topgun::sync
