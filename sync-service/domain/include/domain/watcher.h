// What one Watch stream wants from one loop's shards, and what it has been told.
//
// Forwards, per shard, joining ranges (after, upto] that carry only changes of interesting maps
// (docs/state-layout.md, "feed"). Owned by the stream's service object, used on the loop of its
// shards.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/cell_cache.h"
#include "domain/probe.h"
#include "domain/shard.h"
#include "domain/shard_feed.h"

namespace topgun::sync {

struct WatchedRange {
  uint32_t shard = 0;
  state::Position after;
  state::Position upto;
  bool gap = false;
  uint64_t interest_id = 0;
};

// Takes ranges at once and sends them when it can.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // `entry` may be null (progress) and is valid during the call; `changes` are indices into its
  // changes.
  virtual void OnRange(const WatchedRange& range, const FeedEntry* entry,
                       const std::vector<uint32_t>& changes) = 0;
  // What Postgres has of a watched shard: after the shard's first range, and when it has moved.
  virtual void OnPersisted(uint32_t shard, const state::Position& persisted) = 0;
};

class Watcher final : public FeedListener {
 public:
  Watcher(WatchSink& sink, Probe& probe) : sink_(sink), probe_(probe) {}
  ~Watcher() override;

  // Starts after the given position, or at the tail as it is now. Confirms with an empty range.
  void Watch(Shard& shard, std::optional<state::Position> after);
  void Stop(uint32_t shard);
  void ChangeInterest(const std::vector<std::string>& add, const std::vector<std::string>& remove,
                      uint64_t interest_id);
  // Changes that are events of the journal are of interest in every map, or no more. Before the
  // ChangeInterest() that confirms it.
  void WantAllMaps(bool wanted) { all_maps_ = wanted; }
  // Tells every shard's position, so that a resume never has far to go.
  void Progress();

  void OnEntry(uint32_t shard, const state::Position& after, const FeedEntry& entry,
               bool gap) override;
  void OnJump(uint32_t shard, const state::Position& after, const state::Position& upto) override;
  void OnPersisted(uint32_t shard, const state::Position& persisted) override;

 private:
  struct Watched {
    Shard* shard = nullptr;
    bool attached = false;  // hears the feed itself
    state::Position told;   // ranges up to here were sent
    uint64_t generation = 0;
  };

  void Start(uint32_t shard, uint64_t generation, const state::Position& position,
             std::optional<state::Position> after);
  void Resume(uint32_t shard, uint64_t generation);
  void Replay(uint32_t shard, uint64_t generation, const std::vector<FeedRecord>& records);
  void Attach(Watched& watched, const state::Position& upto, bool gap);
  void Tell(Watched& watched, const state::Position& upto, bool gap, const FeedEntry* entry,
            const std::vector<uint32_t>& changes);
  Watched* Find(uint32_t shard, uint64_t generation);

  WatchSink& sink_;
  Probe& probe_;
  std::map<uint32_t, Watched> watched_;
  BytesMap<uint32_t> interest_;
  bool all_maps_ = false;
  uint64_t interest_id_ = 0;
  uint64_t next_generation_ = 1;
  std::shared_ptr<Watcher*> self_ = std::make_shared<Watcher*>(this);
};

}  // namespace topgun::sync
