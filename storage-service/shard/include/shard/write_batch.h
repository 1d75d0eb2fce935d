// What one flush writes: the last version of every cell that a contiguous range of the feed
// changed.
//
// Owns copies of the entries' bytes; rows are views into them. A later change of a cell replaces an
// earlier one, so a hot cell costs one row however often it was written. Threads: one at a time.
// Limits: the caller's (shard_owner.h); one entry always fits.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "state/feed_entry.h"
#include "state/keys.h"
#include "state/position.h"
#include "tracing/span.h"

namespace topgun::storage {

struct CellRow {
  state::CellKind kind = state::CellKind::kLww;
  std::string_view map;
  std::string_view key;
  std::string_view tag;
  std::string_view cell;
  bool pruned = false;  // retention has dropped the cell, and `cell` is what it was
  // Postgres had no row of it before this batch, says the feed (kChangeCreated). May be wrong after
  // a restore or a scan, so it must not be relied on for what is right.
  bool created = false;
};

// A commit that is traced: where its trace goes on, and when its entry was read.
struct TracedCommit {
  tracing::Context context;
  tracing::Time read;
};

class WriteBatch {
 public:
  // Of one flush; further ones are left out.
  static constexpr size_t kTracesMax = tracing::kLinksMax;

  // Follows the position `from`, up to which the feed had `bytes`.
  WriteBatch(state::Position from, uint64_t bytes) : from_(from), to_(from), bytes_(bytes) {}
  WriteBatch(const WriteBatch&) = delete;
  WriteBatch& operator=(const WriteBatch&) = delete;

  // Takes the next entry of the feed. False, and nothing changes, when it is malformed.
  bool AddEntry(state::Position position, uint64_t cumulative_bytes, std::string_view entry);
  // Takes a single cell, such as a scan of Redis finds; the range stays.
  void AddCell(const CellRow& row);
  // Ends the range at `to`: everything up to there has been added.
  void AdvanceTo(state::Position to, uint64_t cumulative_bytes);

  const std::vector<CellRow>& rows() const { return rows_; }
  state::Position from() const { return from_; }
  state::Position to() const { return to_; }
  uint64_t bytes() const { return bytes_; }  // of the feed, cumulative up to `to`
  uint64_t held_bytes() const { return held_bytes_; }
  uint64_t changes() const { return changes_; }               // before coalescing
  int64_t oldest_wall_ms() const { return oldest_wall_ms_; }  // 0: no commit in it
  bool awaited() const { return awaited_; }  // somebody waits for one of its commits
  const std::vector<TracedCommit>& traces() const { return traces_; }

 private:
  struct CellId {
    state::CellKind kind;
    std::string_view map;
    std::string_view key;
    std::string_view tag;
    friend bool operator==(const CellId&, const CellId&) = default;
  };
  struct CellIdHash {
    size_t operator()(const CellId& id) const;
  };

  std::string_view Keep(std::string_view bytes);
  void Put(const CellRow& row);
  void KeepTraces();

  const state::Position from_;
  state::Position to_;
  uint64_t bytes_;
  uint64_t held_bytes_ = 0;
  uint64_t changes_ = 0;
  int64_t oldest_wall_ms_ = 0;
  bool awaited_ = false;
  std::vector<TracedCommit> traces_;
  std::deque<std::string> kept_;
  std::vector<CellRow> rows_;
  absl::flat_hash_map<CellId, uint32_t, CellIdHash> index_;
  state::FeedEntryView decoded_;  // reused
};

}  // namespace topgun::storage
