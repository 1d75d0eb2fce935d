// CellStore over Postgres (tables: migrations/0001_tables.sql).
//
// A flush is one pipeline and one transaction: the fence first (topgun.begin_flush), then all rows
// as a few arrays. Names of maps become numbers through a cache of at most kMapIdsMax; new names
// get theirs in a transaction of their own before the flush, so that two flushes that introduce the
// same names in another order cannot deadlock.
//
// Threads: the loop's. The pool belongs to the application and outlives the store.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "pg/pool.h"
#include "shard/io.h"

namespace topgun::pg {

using boost::asio::awaitable;
using storage::LoadedPage;
using storage::LoadRequest;
using storage::ShardRow;
using storage::WriteBatch;

class PgCellStore final : public storage::CellStore {
 public:
  static constexpr size_t kMapIdsMax = 100'000;

  explicit PgCellStore(Pool& pool) : pool_(pool) {}

  awaitable<StatusOr<ShardRow>> ReadShard(uint32_t shard) override;
  awaitable<StatusOr<ShardRow>> RaiseIncarnation(uint32_t shard, std::string owner,
                                                 uint64_t redis_incarnation) override;
  awaitable<StatusOr<std::vector<std::string>>> MapsAbove(uint32_t shard,
                                                          state::Position tail) override;
  awaitable<Status> Flush(uint32_t shard, std::string owner, uint64_t incarnation,
                          const WriteBatch& batch) override;
  awaitable<StatusOr<LoadedPage>> LoadPage(LoadRequest request, std::string after) override;

  // The database may be another one (restored, failed over): what was cached may be wrong.
  void ForgetMapIds() { map_ids_.clear(); }

 private:
  awaitable<Status> LearnMapIds(const WriteBatch& batch);

  Pool& pool_;
  std::unordered_map<std::string, int64_t> map_ids_;
};

}  // namespace topgun::pg
