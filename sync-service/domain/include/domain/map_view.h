// The part of a map's view that belongs to one loop's shards: rows (cells) and digests (Merkle
// tree), kept current by the feeds.
//
// Built on the first read: listen to the feed, scan Redis, let the newer version win; so the order
// of scan and feed does not matter. Every read passes a barrier, therefore it includes everything
// acknowledged before it (core.md 5.3). A gap in a shard's feed drops that shard's rows and they
// are scanned again. Soft state: may be dropped at any time. Owned by a ViewRegistry, used on its
// loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/clock.h"
#include "crdt/merkle_tree.h"
#include "domain/probe.h"
#include "domain/shard.h"
#include "domain/shard_feed.h"

namespace topgun::sync {

struct SnapshotRow {
  std::string key;
  std::string value;  // MessagePack
};

struct ShardPosition {
  uint32_t shard = 0;
  state::Position position;
};

// Of one loop's shards.
struct Snapshot {
  std::vector<SnapshotRow> rows;  // live LWW records by ascending key, at most the number asked for
  bool more = false;
  std::vector<ShardPosition> positions;
};

class MapView final : public FeedListener {
 public:
  MapView(std::string map, std::vector<Shard*> shards, uint64_t bytes_max, const WallClock& wall,
          Probe& probe);
  ~MapView() override;

  void Read(size_t rows_max, Callback<Snapshot> callback);

  uint64_t bytes() const { return bytes_; }
  bool idle() const { return reads_.empty() && round_.empty(); }
  int64_t last_read_ms() const { return last_read_ms_; }
  const crdt::MerkleTree& digest() const { return digest_; }

  void OnEntry(uint32_t shard, const state::Position& after, const FeedEntryPtr& entry,
               bool gap) override;
  void OnJump(uint32_t shard, const state::Position& after, const state::Position& upto) override;

 private:
  struct Part {
    Shard* shard = nullptr;
    bool built = false;
    bool building = false;
    uint64_t generation = 0;  // raised when what was scanned so far became worthless
  };
  struct Row {
    uint32_t shard = 0;
    std::string cell;
  };
  struct PendingRead {
    size_t rows_max;
    Callback<Snapshot> callback;
  };

  void Advance();
  void Build(Part& part);
  void Scan(Part& part, uint64_t generation, std::string cursor);
  void EndScan(Part& part, uint64_t generation);
  void Rebuild(Part& part);
  void FailReads(const Status& status);
  void RunRound();
  void FinishRound();
  Snapshot Take(size_t rows_max) const;

  Part& PartOf(uint32_t shard);
  void Apply(uint32_t shard, std::string_view key, std::string_view cell);
  void DropRows(uint32_t shard);

  const std::string map_;
  const std::string map_id_;
  const uint64_t bytes_max_;
  const WallClock& wall_;
  Probe& probe_;
  std::vector<Part> parts_;
  absl::btree_map<std::string, Row, std::less<>> rows_;
  crdt::MerkleTree digest_;
  uint64_t bytes_ = 0;
  int64_t last_read_ms_ = 0;
  int64_t build_started_ms_ = 0;
  std::vector<PendingRead> reads_;  // wait for the next round
  std::vector<PendingRead> round_;  // wait for the barrier in progress
  size_t round_open_ = 0;
  bool round_failed_ = false;
  // Callbacks of scans and barriers hold a weak reference: the view may be dropped meanwhile.
  std::shared_ptr<MapView*> self_;
};

}  // namespace topgun::sync
