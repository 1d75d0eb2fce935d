// Everything the domain needs from outside: one shard's state in Redis, and the storage service.
//
// Implemented by store/ (Redis) and backend/ or owner/ (who opens shards and loads maps); faked in
// unit tests. All calls are made on the shard's loop and all callbacks run on it, never inside the
// call itself. Errors that are UNAVAILABLE may be retried.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "state/keys.h"
#include "state/position.h"
#include "state/scripts.h"

namespace topgun::sync {

template <typename T>
using Callback = std::function<void(StatusOr<T>)>;
using StatusCallback = std::function<void(Status)>;

struct ShardMeta {
  bool exists = false;
  std::string run;
  state::Position tail;
  uint64_t bytes = 0;
  state::Position persisted;  // what Postgres has, as published; 0-0: unknown
};

struct CellRef {
  state::CellKind kind = state::CellKind::kLww;
  std::string_view map;
  std::string_view field;
};

struct CellWrites {
  state::CellKind kind = state::CellKind::kLww;
  std::string_view map;
  std::vector<std::string_view> fields_and_cells;  // field, cell, field, cell ...
};

struct CommitRequest {
  state::Position tail;              // what the author believes
  std::string_view entry;            // empty: compare only
  std::vector<std::string> map_ids;  // of `cells`, in that order, then maps that were only read
  std::vector<CellWrites> cells;
};

struct CommitReply {
  state::CommitCode code = state::CommitCode::kClosed;
  uint64_t n = 0;
  std::vector<std::string> unloaded;  // map ids
  state::Position persisted;          // with kCommitted, as in ShardMeta
};

// Drops cells of one map. Answered like a commit.
struct PruneRequest {
  state::Position tail;  // what the author believes
  std::string_view entry;
  state::CellKind kind = state::CellKind::kLww;
  std::string_view map;
  std::vector<std::string_view> fields;    // not empty
  std::vector<std::string_view> horizons;  // field, cell ... of state::kHorizonMap
};

struct FeedRecord {
  state::Position position;
  std::string entry;
};

struct FieldAndCell {
  std::string field;
  std::string cell;
};

struct ScanChunk {
  std::string cursor;  // "0": the scan is complete
  std::vector<FieldAndCell> cells;
};

struct MapSize {
  std::string map_id;
  uint64_t cells = 0;
};

struct HydrateWrite {
  std::string field;
  std::string expected;  // cell that was read, empty when absent
  std::string cell;
};

// Locks (docs/state-layout.md, "Locks").
struct LockAsk {
  std::string_view name;
  std::string_view owner;
  int64_t ttl_ms = 0;
  uint64_t held_token = 0;  // 0: the owner knows of none
};

struct LockReply {
  state::LockCode code = state::LockCode::kClosed;
  uint64_t token = 0;   // kGranted
  int64_t left_ms = 0;  // kHeld
};

struct LockHold {
  std::string_view name;
  uint64_t token = 0;           // 0: any
  std::string_view owner = {};  // empty: any
};

// One shard in Redis (docs/state-layout.md).
class ShardStore {
 public:
  virtual ~ShardStore() = default;

  // Run of the connection; empty while Redis is away.
  virtual const std::string& run() const = 0;

  virtual void ReadMeta(Callback<ShardMeta> callback) = 0;
  // One element per reference, nullopt for absent cells. References are read before the call
  // returns.
  virtual void ReadCells(const std::vector<CellRef>& cells,
                         Callback<std::vector<std::optional<std::string>>> callback) = 0;
  // What the request refers to must stay until the callback.
  virtual void Commit(CommitRequest request, Callback<CommitReply> callback) = 0;
  virtual void Prune(const PruneRequest& request, Callback<CommitReply> callback) = 0;
  // True for one caller of the cluster per `interval_ms`: that one looks through the shard.
  virtual void ClaimSweep(int64_t interval_ms, Callback<bool> callback) = 0;
  // Entries after `after`, oldest first, at most `count`.
  virtual void ReadFeed(const state::Position& after, size_t count,
                        Callback<std::vector<FeedRecord>> callback) = 0;
  // Starts with the cursor "0". UNAVAILABLE, perhaps before this returns: start over.
  virtual void Scan(state::CellKind kind, std::string_view map, std::string_view cursor,
                    Callback<ScanChunk> callback) = 0;
  // Every map that has or had cells in this shard, loaded or not, with the cells Redis holds.
  virtual void ListMaps(Callback<std::vector<MapSize>> callback) = 0;
  // Whether the map has or had cells in this shard, loaded or not.
  virtual void KnowsMap(std::string_view map_id, Callback<bool> callback) = 0;
  // Whether the map is unloaded in this shard.
  virtual void IsUnloaded(std::string_view map_id, Callback<bool> callback) = 0;

  // Floor to load from, or nullopt when the map is loaded already.
  virtual void HydrateBegin(std::string_view map_id, std::string_view token,
                            Callback<std::optional<state::Position>> callback) = 0;
  // Indices of the writes whose cell was not `expected`; ABORTED when the token is not current any
  // more.
  virtual void HydrateChunk(std::string_view map_id, std::string_view token,
                            const std::vector<HydrateWrite>& writes,
                            Callback<std::vector<size_t>> callback) = 0;
  virtual void HydrateFinish(std::string_view map_id, std::string_view token,
                             StatusCallback callback) = 0;

  virtual void AcquireLock(uint64_t incarnation, const LockAsk& ask,
                           Callback<LockReply> callback) = 0;
  // Whether it was held like that, and is free now. Open or closed.
  virtual void ReleaseLock(const LockHold& hold, Callback<bool> callback) = 0;
};

struct LoadedCell {
  std::string key;
  std::string tag;
  std::string cell;
};

// Whoever may open shards and knows what Redis has lost.
class ShardOwner {
 public:
  virtual ~ShardOwner() = default;

  // OK: the shard was open under some run when the answer left. The caller reads meta again and
  // compares.
  virtual void OpenShard(uint32_t shard, std::string_view run, StatusCallback callback) = 0;

  // Calls `chunk` once per chunk; the next one arrives after `next` was called. `done` exactly
  // once.
  using Next = std::function<void()>;
  using Chunk = std::function<void(std::vector<LoadedCell> cells, Next next)>;
  virtual void LoadMap(uint32_t shard, std::string_view map_id, const state::Position& floor,
                       Chunk chunk, StatusCallback done) = 0;
};

// The replicas of the Redis that commits go to (write concern REPLICATED).
class Replicas {
 public:
  virtual ~Replicas() = default;

  // Calls back once: with true as soon as enough replicas have everything that was committed, and
  // answered, under `run` before this call; with false when they have not within `timeout_ms`, or
  // when that cannot be known any more.
  virtual void Confirm(const std::string& run, uint32_t timeout_ms,
                       std::function<void(bool)> callback) = 0;
};

// Runs `task` on the loop after `delay_ms`; tests use a manual one.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual void After(int64_t delay_ms, std::function<void()> task) = 0;
  virtual void Post(std::function<void()> task) = 0;
  // Monotonic.
  virtual std::chrono::steady_clock::time_point Now() const {
    return std::chrono::steady_clock::now();
  }
};

}  // namespace topgun::sync
