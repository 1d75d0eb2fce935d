// Keeps a view's content current: the part of a map that belongs to one loop's shards.
//
// Built on the first read: listen to the feed, scan Redis, let the newer version win; so the order
// of scan and feed does not matter. Every read passes a barrier, therefore it includes everything
// acknowledged before it (core.md 5.3). A gap in a shard's feed drops what came from that shard and
// it is scanned again. Soft state: may be dropped at any time. Owned by a ViewRegistry, used on its
// loop; the content outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "domain/probe.h"
#include "domain/shard.h"
#include "domain/shard_feed.h"
#include "domain/view_content.h"
#include "state/keys.h"

namespace topgun::sync {

struct ShardPosition {
  uint32_t shard = 0;
  state::Position position;
};

class MapView final : public FeedListener {
 public:
  MapView(state::CellKind kind, std::string map, ViewContent& content, std::vector<Shard*> shards,
          uint64_t bytes_max, const WallClock& wall, Probe& probe);
  ~MapView() override;

  // Calls back, once, when the content includes everything acknowledged before this call.
  // RESOURCE_EXHAUSTED: the map does not fit.
  void WhenCurrent(StatusCallback callback);

  // What the content includes.
  std::vector<ShardPosition> Positions() const;
  // Highest commit time in ms of what retention has pruned from these shards; 0: nothing.
  int64_t horizon_ms() const;

  // What a reader needs who stays for several turns of the loop. The content is complete until the
  // generation changes; from then on something may be missing.
  bool complete() const;
  uint64_t generation() const { return generation_; }
  // The view is not idle as long as somebody has this.
  std::shared_ptr<const void> Hold() const { return held_; }
  // The content takes another amount of memory, without a change of its cells.
  void CountBytes();

  bool idle() const { return reads_.empty() && round_.empty() && held_.use_count() == 1; }
  int64_t last_read_ms() const { return last_read_ms_; }

  void OnEntry(uint32_t shard, const state::Position& after, const FeedEntry& entry,
               bool gap) override;
  void OnJump(uint32_t shard, const state::Position& after, const state::Position& upto) override;

 private:
  struct Part {
    Shard* shard = nullptr;
    bool built = false;
    bool building = false;
    uint64_t generation = 0;  // raised when what was scanned so far became worthless
    int64_t horizon_ms = 0;
  };

  void Advance();
  // Steps of building a part, in this order.
  void Build(Part& part);
  void ReadHorizon(Part& part, uint64_t generation);
  void Scan(Part& part, uint64_t generation, std::string cursor);
  void EndScan(Part& part, uint64_t generation);
  void Rebuild(Part& part);

  void RunRound();
  void FinishRound();
  void FailReads(const Status& status);

  Part& PartOf(uint32_t shard);
  void Invalidate(Part& part);
  void ApplyChange(Part& part, const state::ChangeView& change);

  const state::CellKind kind_;
  const std::string map_;
  const std::string map_id_;
  ViewContent& content_;
  const uint64_t bytes_max_;
  const WallClock& wall_;
  Probe& probe_;
  std::vector<Part> parts_;
  uint64_t generation_ = 0;  // how often one of them was invalidated
  const std::shared_ptr<const bool> held_ = std::make_shared<const bool>(true);
  uint64_t bytes_counted_ = 0;
  int64_t last_read_ms_ = 0;
  int64_t build_started_ms_ = 0;
  std::vector<StatusCallback> reads_;  // wait for the next round
  std::vector<StatusCallback> round_;  // wait for the barrier in progress
  size_t round_open_ = 0;
  bool round_failed_ = false;
  // Callbacks of scans and barriers hold a weak reference: the view may be dropped meanwhile.
  std::shared_ptr<MapView*> self_;
};

}  // namespace topgun::sync
