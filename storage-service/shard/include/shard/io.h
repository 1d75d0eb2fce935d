// Everything the shard domain needs of the outside world. Redis (feed/), Postgres (pg/) and gRPC
// (service/) implement it.
//
// Threads: all calls on the service's loop thread; all awaitables resume there. Errors: UNAVAILABLE
// may be repeated; ABORTED from Flush() means the fence refused; FAILED_PRECONDITION that this
// process does not hold the lease.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/status.h"
#include "shard/write_batch.h"
#include "state/keys.h"
#include "state/position.h"

namespace topgun::storage {

using boost::asio::awaitable;
using state::CellKind;
using state::Position;

// Redis: meta of a shard.
struct ShardMeta {
  std::string run;  // empty when there is no meta
  Position tail;
  uint64_t bytes = 0;
  Position persisted;
  uint64_t persisted_bytes = 0;
};

struct MapFloor {
  std::string map_id;  // state::MapId()
  Position floor;
};

struct OpenRequest {
  std::string run;
  Position marker;
  Position tail;  // the shard is opened only if this still is its tail
  int64_t wall_ms = 0;
  std::vector<MapFloor> unloaded;
};

struct ScanPage {
  struct Cell {
    std::string field;
    std::string cell;
  };
  std::string cursor;  // "0": the scan is over
  std::vector<Cell> cells;
};

class ShardStore {
 public:
  virtual ~ShardStore() = default;
  // Of the connection to the server that has the shard; empty while disconnected.
  virtual std::string run(uint32_t shard) const = 0;
  virtual awaitable<StatusOr<ShardMeta>> ReadMeta(uint32_t shard) = 0;
  // False when the tail has moved.
  virtual awaitable<StatusOr<bool>> Open(uint32_t shard, OpenRequest request) = 0;
  // Publishes what Postgres has and trims the feed below `trim` (0-0: not at all).
  virtual awaitable<Status> PublishPersisted(uint32_t shard, uint64_t incarnation,
                                             Position position, uint64_t bytes, Position trim) = 0;
  virtual awaitable<StatusOr<std::vector<std::string>>> ListMaps(uint32_t shard) = 0;
  virtual awaitable<StatusOr<ScanPage>> ScanCells(uint32_t shard, std::string map_id,
                                                  std::string cursor) = 0;
};

// Redis: the feeds.
struct FeedPoint {
  uint32_t shard = 0;
  Position after;
};

struct FeedEntry {
  Position position;
  std::string_view bytes;
  uint64_t cumulative_bytes = 0;
};

struct FeedChunk {
  FeedPoint point;  // as asked
  std::vector<FeedEntry> entries;
};

struct FeedReply {
  std::vector<FeedChunk> chunks;
  std::shared_ptr<void> owner;  // keeps the entries' bytes
};

class FeedSource {
 public:
  virtual ~FeedSource() = default;
  // Waits up to `block` for the first entry; at most `count` entries of each feed.
  virtual awaitable<StatusOr<FeedReply>> Read(std::vector<FeedPoint> points, uint32_t count,
                                              std::chrono::milliseconds block) = 0;
};

// Postgres: the fence of a shard.
struct ShardRow {
  uint64_t incarnation = 0;
  Position position;
  uint64_t bytes = 0;
  std::string owner;  // of the lease
};

struct LoadRequest {
  uint32_t shard = 0;
  CellKind kind = CellKind::kLww;
  std::string map;
  Position floor;
};

struct LoadedPage {
  struct Cell {
    std::string key;
    std::string tag;
    std::string cell;
  };
  std::vector<Cell> cells;
  std::string last_sort_key;  // where the next page goes on
  bool more = false;
};

class CellStore {
 public:
  virtual ~CellStore() = default;
  virtual awaitable<StatusOr<ShardRow>> ReadShard(uint32_t shard) = 0;
  // incarnation = max(Postgres', redis_incarnation) + 1, if `owner` holds the lease now.
  virtual awaitable<StatusOr<ShardRow>> RaiseIncarnation(uint32_t shard, std::string owner,
                                                         uint64_t redis_incarnation) = 0;
  // Ids of the maps with a version above `tail`.
  virtual awaitable<StatusOr<std::vector<std::string>>> MapsAbove(uint32_t shard,
                                                                  Position tail) = 0;
  // One transaction: the fence, the cells, the maps' versions. `batch` stays valid until it is
  // done.
  virtual awaitable<Status> Flush(uint32_t shard, std::string owner, uint64_t incarnation,
                                  const WriteBatch& batch) = 0;
  virtual awaitable<StatusOr<LoadedPage>> LoadPage(LoadRequest request, std::string after) = 0;
};

// Postgres: who works on what.
struct Lease {
  uint32_t shard = 0;
  std::string owner;  // empty: free
  std::string address;
};

struct LeaseState {
  std::vector<Lease> leases;           // expired ones count as free, unless they are our own
  std::vector<std::string> processes;  // live ones, sorted, including ourselves
};

class LeaseStore {
 public:
  virtual ~LeaseStore() = default;
  // Heartbeat: renews what this process holds and reads everything.
  virtual awaitable<StatusOr<LeaseState>> Renew() = 0;
  // The shards among `shards` that were free and now are ours.
  virtual awaitable<StatusOr<std::vector<uint32_t>>> Claim(std::vector<uint32_t> shards) = 0;
  virtual awaitable<Status> Release(std::vector<uint32_t> shards) = 0;
  // Removes the heartbeat and every lease.
  virtual awaitable<Status> Leave() = 0;
};

// gRPC: the receiving end of LoadMap.
class PageSink {
 public:
  virtual ~PageSink() = default;
  // Resumes when the peer can take more; false when it has gone.
  virtual awaitable<bool> Write(LoadedPage page) = 0;
};

}  // namespace topgun::storage
