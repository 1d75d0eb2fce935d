// The metrics of storage-service. Call sites see verbs, never names. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "hops/recorder.h"
#include "metrics/registry.h"
#include "shard/write_batch.h"
#include "state/position.h"
#include "tracing/recorder.h"

namespace topgun::storage {

// The way of a flush.
struct FlushTrace {
  using Time = std::chrono::steady_clock::time_point;

  Time read;  // its first entry
  Time sent;
  Time committed;
  uint32_t shard = 0;
  state::Position from;
  state::Position to;
  uint64_t rows = 0;
  uint64_t changes = 0;
  int64_t oldest_wall_ms = 0;  // when its first entry was committed to Redis
  std::vector<TracedCommit> traces = {};
};

class Probe {
 public:
  // `recorder` keeps the ways of flushes, `spans` exports those of traced commits; null: does not.
  explicit Probe(metrics::Registry& registry, hops::Recorder* recorder = nullptr,
                 tracing::Recorder* spans = nullptr);

  void Flushed(std::chrono::duration<double> took, size_t rows, uint64_t coalesced);
  // The position of a flush is published.
  void Published(const FlushTrace& trace);
  // How late a timer of the loop came.
  void LoopLag(double seconds) { loop_lag_seconds_.Observe(seconds); }
  void FlushFailed() { flush_failures_.Increment(); }
  void FenceRejected() { fence_rejected_.Increment(); }
  // A row that should have been new was there; the flush is repeated.
  void InsertConflict() { insert_conflicts_.Increment(); }
  void FeedGap() { feed_gaps_.Increment(); }
  void Opened() { opens_.Increment(); }
  void RowsHydrated(size_t rows) { hydration_rows_.Increment(static_cast<double>(rows)); }
  void CellsScanned(size_t cells) { scanned_cells_.Increment(static_cast<double>(cells)); }
  void EntriesRead(size_t entries) { entries_read_.Increment(static_cast<double>(entries)); }
  void LeaseLost() { leases_lost_.Increment(); }
  void PostgresReconnecting() { postgres_reconnects_.Increment(); }

  void SetOwnedShards(size_t shards) { owned_shards_.Set(static_cast<double>(shards)); }
  void SetOpenShards(size_t shards) { open_shards_.Set(static_cast<double>(shards)); }
  uint64_t owned_shards() const { return static_cast<uint64_t>(owned_shards_.Value()); }
  void SetUnflushedBytes(uint64_t bytes) { unflushed_bytes_.Set(static_cast<double>(bytes)); }
  void SetFlushLag(std::chrono::duration<double> lag) { flush_lag_.Set(lag.count()); }

 private:
  void Record(const FlushTrace& trace, FlushTrace::Time published);
  void Export(const FlushTrace& trace, FlushTrace::Time published);

  hops::Recorder* const recorder_;
  tracing::Recorder* const spans_;
  size_t flush_kind_ = 0;
  prometheus::Histogram& flush_seconds_;
  prometheus::Histogram& persist_seconds_;
  prometheus::Histogram& loop_lag_seconds_;
  prometheus::Histogram& flush_rows_;
  prometheus::Counter& rows_written_;
  prometheus::Counter& coalesced_;
  prometheus::Counter& flush_failures_;
  prometheus::Counter& fence_rejected_;
  prometheus::Counter& insert_conflicts_;
  prometheus::Counter& feed_gaps_;
  prometheus::Counter& opens_;
  prometheus::Counter& hydration_rows_;
  prometheus::Counter& scanned_cells_;
  prometheus::Counter& entries_read_;
  prometheus::Counter& leases_lost_;
  prometheus::Counter& postgres_reconnects_;
  prometheus::Gauge& owned_shards_;
  prometheus::Gauge& open_shards_;
  prometheus::Gauge& unflushed_bytes_;
  prometheus::Gauge& flush_lag_;
};

}  // namespace topgun::storage
