#include "shard/probe.h"

namespace topgun::storage {

Probe::Probe(metrics::Registry& registry, hops::Recorder* recorder, tracing::Recorder* spans)
    : recorder_(recorder),
      spans_(spans),
      flush_seconds_(registry.AddHistogram("storage_flush_seconds",
                                           "Duration of flush transactions, commit included.",
                                           metrics::kLatencySeconds)),
      persist_seconds_(registry.AddHistogram(
          "storage_persist_seconds",
          "From reading the first entry of a flush to publishing its position.",
          metrics::kLatencySeconds)),
      loop_lag_seconds_(registry.AddHistogram("storage_loop_lag_seconds",
                                              "How late a timer of the loop came, ten times a "
                                              "second.",
                                              metrics::kLatencySeconds)),
      flush_rows_(registry.AddHistogram("storage_flush_rows", "Rows written by one flush.",
                                        metrics::kBatchSizes)),
      rows_written_(registry.AddCounter("storage_rows_written_total",
                                        "Rows sent to Postgres and committed.")),
      coalesced_(registry.AddCounter(
          "storage_coalesced_total",
          "Changes never written because a later change of the same cell was in the same flush.")),
      flush_failures_(registry.AddCounter("storage_flush_failures_total",
                                          "Flushes that failed and were looked into.")),
      fence_rejected_(registry.AddCounter(
          "storage_fence_rejected_total",
          "Flushes refused because the shard was at another position or with another owner.")),
      insert_conflicts_(registry.AddCounter(
          "storage_flush_insert_conflicts_total",
          "Flushes repeated with a look at older rows because a row that should have been new was "
          "there.")),
      feed_gaps_(registry.AddCounter("storage_feed_gaps_total",
                                     "Gaps in a feed, each repaired by a scan of the shard.")),
      opens_(registry.AddCounter("storage_opens_total", "Shards opened in Redis.")),
      hydration_rows_(registry.AddCounter("storage_hydration_rows_total",
                                          "Rows streamed to sync services by LoadMap.")),
      scanned_cells_(registry.AddCounter("storage_scanned_cells_total",
                                         "Cells looked at by repairing scans.")),
      entries_read_(registry.AddCounter("storage_feed_entries_total", "Feed entries read.")),
      leases_lost_(registry.AddCounter("storage_leases_lost_total",
                                       "Shards that another process took while they were served.")),
      postgres_reconnects_(registry.AddCounter("storage_postgres_reconnects_total",
                                               "Lost connections and failed attempts to connect.")),
      owned_shards_(registry.AddGauge("storage_owned_shards", "Shards leased by this process.")),
      open_shards_(registry.AddGauge("storage_open_shards",
                                     "Leased shards that are open in Redis and being read.")),
      unflushed_bytes_(registry.AddGauge("storage_unflushed_bytes",
                                         "Bytes of feed entries read and not yet committed.")),
      flush_lag_(registry.AddGauge(
          "storage_flush_lag_seconds",
          "Age of the oldest entry read and not yet committed; 0 when there is none.")) {
  if (recorder_ == nullptr) return;
  flush_kind_ = recorder_->AddKind(
      {.name = "flush",
       .stages = {"read", "sent", "committed", "published"},
       .numbers = {"shard", "incarnation", "from_n", "to_n", "rows", "changes", "oldest_wall_ms"}});
}

void Probe::Published(const FlushTrace& trace) {
  const FlushTrace::Time now = std::chrono::steady_clock::now();
  persist_seconds_.Observe(std::chrono::duration<double>(now - trace.read).count());
  if (recorder_ != nullptr) Record(trace, now);
  if (spans_ != nullptr && !trace.traces.empty()) Export(trace, now);
}

void Probe::Record(const FlushTrace& trace, FlushTrace::Time published) {
  // Of an older incarnation there may be entries as well, but the newest counts.
  const uint64_t from = trace.from.incarnation == trace.to.incarnation ? trace.from.n : 0;
  hops::Record record;
  record.at = {trace.read, trace.sent, trace.committed, published};
  record.numbers = {trace.shard,
                    trace.to.incarnation,
                    from,
                    trace.to.n,
                    trace.rows,
                    trace.changes,
                    static_cast<uint64_t>(trace.oldest_wall_ms)};
  recorder_->Add(flush_kind_, std::move(record));
}

void Probe::Flushed(std::chrono::duration<double> took, size_t rows, uint64_t coalesced) {
  flush_seconds_.Observe(took.count());
  flush_rows_.Observe(static_cast<double>(rows));
  rows_written_.Increment(static_cast<double>(rows));
  coalesced_.Increment(static_cast<double>(coalesced));
}

}  // namespace topgun::storage
