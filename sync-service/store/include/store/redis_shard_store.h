// ShardStore over Redis: encodes the commands and scripts of docs/state-layout.md for one shard.
//
// Commits go as transactions while the shard is busy (store/watched_shard.h), by the script
// otherwise.
//
// Owned by a Loop next to the client its route belongs to, used on its loop; callbacks come from
// the route's connections.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "domain/io.h"
#include "redis/client.h"
#include "state/keys.h"
#include "store/watched_shard.h"

namespace topgun::sync {

class RedisShardStore final : public ShardStore {
 public:
  // `unpersisted_bytes_max`: 0 when nothing persists the feed. `watched`: null for one that commits
  // by script only.
  RedisShardStore(redis::Route& route, state::ShardKeys keys, uint64_t unpersisted_bytes_max,
                  std::unique_ptr<WatchedShard> watched = nullptr);
  // For the commits that follow.
  void set_unpersisted_bytes_max(uint64_t bytes) { unpersisted_bytes_max_ = bytes; }
  // A commit in flight is answered first.
  void Close();

  const std::string& run() const override { return route_.run(); }
  void ReadMeta(Callback<ShardMeta> callback) override;
  void ReadCells(const std::vector<CellRef>& cells,
                 Callback<std::vector<std::optional<std::string>>> callback) override;
  void Commit(CommitRequest request, Callback<CommitReply> callback) override;
  void Prune(const PruneRequest& request, Callback<CommitReply> callback) override;
  void ClaimSweep(int64_t interval_ms, Callback<bool> callback) override;
  void ReadFeed(const state::Position& after, size_t count,
                Callback<std::vector<FeedRecord>> callback) override;
  void Scan(state::CellKind kind, std::string_view map, std::string_view cursor,
            Callback<ScanChunk> callback) override;
  void ListMaps(Callback<std::vector<MapSize>> callback) override;
  void KnowsMap(std::string_view map_id, Callback<bool> callback) override;
  void IsUnloaded(std::string_view map_id, Callback<bool> callback) override;
  void HydrateBegin(std::string_view map_id, std::string_view token,
                    Callback<std::optional<state::Position>> callback) override;
  void HydrateChunk(std::string_view map_id, std::string_view token,
                    const std::vector<HydrateWrite>& writes,
                    Callback<std::vector<size_t>> callback) override;
  void HydrateFinish(std::string_view map_id, std::string_view token,
                     StatusCallback callback) override;
  void AcquireLock(uint64_t incarnation, const LockAsk& ask, Callback<LockReply> callback) override;
  void ReleaseLock(const LockHold& hold, Callback<bool> callback) override;

 private:
  void CommitByScript(const CommitRequest& request, Callback<CommitReply> callback);
  std::string BoundToken(std::string_view token) const;

  redis::Route& route_;
  const state::ShardKeys keys_;
  uint64_t unpersisted_bytes_max_;
  const std::unique_ptr<WatchedShard> watched_;
};

}  // namespace topgun::sync
