// Looks through the shards of one loop for cells that retention does not keep, and has them dropped
// (docs/state-layout.md, "retention").
//
// One page of one map at a time with a pause after each, so that a sweep takes a small, fixed share
// of the loop and of Redis, however large the maps are. Replicas share the work by claims in Redis:
// who comes first sweeps the shard for this interval, and two at once are harmless. A sweep of a
// shard ends early when anything fails; the next interval starts over. Used on its loop;
// dependencies outlive it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "domain/io.h"
#include "domain/probe.h"
#include "domain/shard.h"

namespace topgun::sync {

struct RetentionLimits {
  int64_t retention_ms = 30LL * 24 * 3600 * 1000;
  size_t cells_max = 250;         // dropped by one script
  uint64_t bytes_max = 1u << 20;  // of those cells
  int64_t pause_ms = 10;          // after each page and each script

  // Often enough that nothing stays a quarter of the retention longer than it has to.
  int64_t interval_ms() const;
};

class RetentionSweeper {
 public:
  RetentionSweeper(std::vector<Shard*> shards, RetentionLimits limits, Scheduler& scheduler,
                   const WallClock& wall, Probe& probe);

  // Sweeps every interval from now on, the first time after one.
  void Start();

 private:
  void Schedule();
  void NextShard();
  void Claim();
  void ListMaps();
  void Continue();
  void Pause();
  void NextMap();
  void ReadPage();
  void TakePage(const ScanChunk& page);
  void PruneSome();
  void EndShard(const Status& status);

  Shard& shard() { return *shards_[at_]; }

  const std::vector<Shard*> shards_;
  const RetentionLimits limits_;
  Scheduler& scheduler_;
  const WallClock& wall_;
  Probe& probe_;

  size_t at_ = 0;                          // shard being swept
  std::vector<int64_t> tombstones_found_;  // by the last sweep of each shard
  int64_t started_ms_ = 0;
  int64_t tombstones_ = 0;
  std::vector<MapSize> maps_;  // of the shard, not looked at yet
  state::CellKind kind_ = state::CellKind::kLww;
  std::string map_;
  std::string cursor_;               // "0": the map was read to its end
  std::vector<FieldAndCell> found_;  // of the map, to be dropped
};

}  // namespace topgun::sync
