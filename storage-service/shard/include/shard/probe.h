// The metrics of storage-service. Call sites see verbs, never names. Any thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "metrics/registry.h"

namespace topgun::storage {

class Probe {
 public:
  explicit Probe(metrics::Registry& registry);

  void Flushed(std::chrono::duration<double> took, size_t rows, uint64_t coalesced);
  void FlushFailed() { flush_failures_.Increment(); }
  void FenceRejected() { fence_rejected_.Increment(); }
  void FeedGap() { feed_gaps_.Increment(); }
  void Opened() { opens_.Increment(); }
  void RowsHydrated(size_t rows) { hydration_rows_.Increment(static_cast<double>(rows)); }
  void CellsScanned(size_t cells) { scanned_cells_.Increment(static_cast<double>(cells)); }
  void EntriesRead(size_t entries) { entries_read_.Increment(static_cast<double>(entries)); }
  void LeaseLost() { leases_lost_.Increment(); }
  void PostgresReconnecting() { postgres_reconnects_.Increment(); }
  void RedisReconnecting() { redis_reconnects_.Increment(); }

  void SetOwnedShards(size_t shards) { owned_shards_.Set(static_cast<double>(shards)); }
  void SetOpenShards(size_t shards) { open_shards_.Set(static_cast<double>(shards)); }
  void SetUnflushedBytes(uint64_t bytes) { unflushed_bytes_.Set(static_cast<double>(bytes)); }
  void SetFlushLag(std::chrono::duration<double> lag) { flush_lag_.Set(lag.count()); }

 private:
  prometheus::Histogram& flush_seconds_;
  prometheus::Histogram& flush_rows_;
  prometheus::Counter& rows_written_;
  prometheus::Counter& coalesced_;
  prometheus::Counter& flush_failures_;
  prometheus::Counter& fence_rejected_;
  prometheus::Counter& feed_gaps_;
  prometheus::Counter& opens_;
  prometheus::Counter& hydration_rows_;
  prometheus::Counter& scanned_cells_;
  prometheus::Counter& entries_read_;
  prometheus::Counter& leases_lost_;
  prometheus::Counter& postgres_reconnects_;
  prometheus::Counter& redis_reconnects_;
  prometheus::Gauge& owned_shards_;
  prometheus::Gauge& open_shards_;
  prometheus::Gauge& unflushed_bytes_;
  prometheus::Gauge& flush_lag_;
};

}  // namespace topgun::storage
