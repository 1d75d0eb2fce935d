// CellStore over Postgres (tables: migrations/0001_tables.sql).
//
// A flush is one pipeline and one transaction: the fence first (topgun.begin_flush), then all rows
// as a few arrays. Rows that the feed calls created are inserted; when one is there after all, the
// flush is repeated once, and then merges them as the others. Names of maps become numbers through
// a cache of at most kMapIdsMax; new names get theirs in a transaction of their own before the
// flush, so that two flushes that introduce the same names in another order cannot deadlock.
//
// Threads: the loop's. Pool and probe belong to the application and outlive the store.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

#include "logging/logging.h"
#include "pg/pool.h"
#include "shard/io.h"
#include "shard/probe.h"

namespace topgun::pg {

using boost::asio::awaitable;
using storage::LoadedPage;
using storage::LoadRequest;
using storage::ShardRow;
using storage::WriteBatch;

enum class CreatedRows;  // flush_statements.h

class PgCellStore final : public storage::CellStore {
 public:
  static constexpr size_t kMapIdsMax = 100'000;

  PgCellStore(Pool& pool, storage::Probe& probe) : pool_(pool), probe_(probe) {}

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
  // One attempt.
  awaitable<Status> Write(uint32_t shard, const std::string& owner, uint64_t incarnation,
                          const WriteBatch& batch, CreatedRows created_rows);
  void NoteConflict(uint32_t shard, const Status& conflict);

  Pool& pool_;
  storage::Probe& probe_;
  logging::RateLimit conflict_limit_{std::chrono::seconds(30)};
  std::unordered_map<std::string, int64_t> map_ids_;
};

}  // namespace topgun::pg
