#include "domain/probe.h"

#include <string>
#include <utility>

namespace topgun::sync {

namespace {

constexpr std::array<const char*, kOutcomeCount> kOutcomeNames = {
    "none", "applied", "stale", "duplicate", "restamped", "rejected"};
constexpr std::array<const char*, 6> kCodeNames = {"none",   "committed", "conflict",
                                                   "closed", "unloaded",  "overloaded"};
constexpr std::array<const char*, kTransactionResultCount> kTransactionResultNames = {
    "committed", "touched", "failed"};
constexpr std::array<const char*, kReplicaWaitCount> kReplicaWaitNames = {"confirmed", "timed_out",
                                                                          "failed", "refused"};

prometheus::Counter& JournalCounter(metrics::Registry& registry, std::string result) {
  return registry.AddCounter("sync_journal_reads_total",
                             "Reads of one shard's part of the journal. Cut: they ended at a limit "
                             "and there may be more.",
                             {{"result", std::move(result)}});
}

prometheus::Counter& LostPublications(metrics::Registry& registry, std::string reason) {
  return registry.AddCounter(
      "sync_publications_lost_total",
      "Publications of topics that a watcher, or all of them, did not get, by reason.",
      {{"reason", std::move(reason)}});
}

}  // namespace

Probe::Probe(metrics::Registry& registry, hops::Recorder* recorder, tracing::Recorder* spans)
    : overwrites_(registry.AddCounter(
          "sync_merge_overwrites_total",
          "LWW operations that replaced a live record of another node by something else.")),
      clocks_clamped_(registry.AddCounter(
          "sync_merge_clocks_clamped_total",
          "LWW operations with a clock too far ahead, which got the server's time.")),
      collisions_(registry.AddCounter(
          "sync_merge_collisions_total",
          "LWW operations with the timestamp of another record, which were re-stamped.")),
      lost_writes_(registry.AddCounter(
          "sync_merge_lost_writes_total",
          "LWW writes that lost against another one: stale, or replaced under one timestamp.")),
      loser_bytes_(registry.AddGauge("sync_loser_log_bytes",
                                     "Bytes held by the record of writes that lost.")),
      recorder_(recorder),
      spans_(spans),
      part_wait_seconds_(registry.AddHistogram("sync_part_wait_seconds",
                                               "From receiving a batch until it is being merged.",
                                               metrics::kLatencySeconds)),
      merge_seconds_(registry.AddHistogram(
          "sync_merge_seconds", "From taking batches to sending their commit: look-ups and merge.",
          metrics::kLatencySeconds)),
      part_seconds_(registry.AddHistogram("sync_part_seconds",
                                          "From receiving a batch until all of it is committed.",
                                          metrics::kLatencySeconds)),
      loop_lag_seconds_(registry.AddHistogram("sync_loop_lag_seconds",
                                              "How late a timer of a loop came, once a poll.",
                                              metrics::kLatencySeconds)),
      commit_seconds_(registry.AddHistogram("sync_commit_seconds",
                                            "Time from sending a commit to its reply.",
                                            metrics::kLatencySeconds)),
      commit_ops_(registry.AddHistogram("sync_commit_ops", "Client operations per commit.",
                                        metrics::kBatchSizes)),
      commit_cells_(registry.AddHistogram("sync_commit_cells", "Cells written per commit.",
                                          metrics::kBatchSizes)),
      replica_waiters_(registry.AddGauge(
          "sync_replica_waiters", "Batches that are committed and wait for Redis replicas.")),
      replica_wait_seconds_(registry.AddHistogram(
          "sync_replica_wait_seconds", "Time until enough Redis replicas had confirmed a batch.",
          metrics::kLatencySeconds)),
      parts_refused_(registry.AddCounter(
          "sync_parts_refused_total", "Batches refused because a limit was reached (retryable).")),
      answers_released_(registry.AddCounter(
          "sync_answers_released_total",
          "Messages whose first results left alone, because a shard took long with the others.")),
      queue_bytes_(registry.AddGauge("sync_queue_bytes", "Bytes of batches waiting to be merged.")),
      cache_bytes_(registry.AddGauge("sync_cache_bytes", "Bytes held by the cell caches.")),
      cache_hits_(registry.AddCounter("sync_cache_hits_total", "Cells found in the cell cache.")),
      cache_misses_(
          registry.AddCounter("sync_cache_misses_total", "Cells that were read from Redis.")),
      shards_opened_(registry.AddCounter("sync_shard_opens_total",
                                         "Times a shard was found open under a new incarnation.")),
      shards_open_(registry.AddGauge("sync_shards_open", "Shards that are open here.")),
      open_failures_(registry.AddCounter("sync_shard_open_failures_total",
                                         "Failed attempts to have a shard opened.")),
      feed_gaps_(registry.AddCounter(
          "sync_feed_gaps_total", "Times entries of a shard's feed were missed or lost by Redis.")),
      feed_entries_read_(registry.AddCounter("sync_feed_entries_read_total",
                                             "Feed entries read from Redis (not own commits).")),
      hydrations_(
          registry.AddCounter("sync_hydrations_total", "Maps loaded from Postgres into Redis.")),
      hydrated_cells_(registry.AddCounter("sync_hydrated_cells_total",
                                          "Cells loaded from Postgres into Redis.")),
      pruned_cells_(registry.AddCounter("sync_retention_pruned_cells_total",
                                        "Removed and expired cells that retention has dropped.")),
      sweep_seconds_(registry.AddHistogram("sync_retention_sweep_seconds",
                                           "Time to look through one shard for cells to drop.",
                                           metrics::kLatencySeconds)),
      tombstones_(registry.AddGauge("sync_retention_tombstones",
                                    "Removed cells found by this replica's last sweeps.")),
      watchers_(registry.AddGauge("sync_watchers", "Open Watch streams.")),
      watched_shards_(registry.AddGauge(
          "sync_watched_shards", "Shards that Watch streams follow here, over all of them.")),
      watch_overflows_(registry.AddCounter("sync_watch_overflows_total",
                                           "Watchers told of a gap because they read too slowly.")),
      watch_changes_(
          registry.AddCounter("sync_watch_changes_total", "Changes forwarded to watchers.")),
      topic_subscriptions_(registry.AddGauge("sync_topic_subscriptions",
                                             "Topics that Watch streams want, over all of them.")),
      topics_refused_(registry.AddCounter(
          "sync_topics_refused_total",
          "Topics that a Watch stream does not get because it wants too many.")),
      publications_(
          registry.AddCounter("sync_publications_total", "Publications of topics received.")),
      publications_forwarded_(
          registry.AddCounter("sync_publications_forwarded_total",
                              "Publications forwarded, once for every watcher that wants them.")),
      publications_lost_(LostPublications(registry, "slow_watcher")),
      publications_too_large_(LostPublications(registry, "too_large")),
      views_(registry.AddGauge("sync_views", "Map views held in memory.")),
      view_bytes_(registry.AddGauge("sync_view_bytes", "Bytes held by map views.")),
      view_build_seconds_(registry.AddHistogram("sync_view_build_seconds",
                                                "Time to build a map view from Redis.",
                                                metrics::kLatencySeconds)),
      views_refused_(registry.AddCounter("sync_views_refused_total",
                                         "Reads refused because views would not fit in memory.")),
      locks_(registry),
      searches_(registry),
      journal_entries_(registry.AddCounter(
          "sync_journal_entries_total", "Feed entries looked through for reads of the journal.")),
      journal_entries_read_(registry.AddCounter(
          "sync_journal_entries_read_total",
          "Feed entries read from Redis for the journal, because they were not in memory.")),
      journal_reads_complete_(JournalCounter(registry, "complete")),
      journal_reads_cut_(JournalCounter(registry, "cut")),
      scans_waiting_(registry.AddGauge(
          "sync_scans_waiting",
          "Scans of a loop's part of a map for a query that wait for the view or their turn.")),
      scans_running_(
          registry.AddGauge("sync_scans_running", "Scans of parts of maps that are under way.")),
      scans_refused_(registry.AddCounter("sync_scans_refused_total",
                                         "Scans, and merges of what scans of all loops have found, "
                                         "refused because too many were waiting.")),
      scans_started_over_(
          registry.AddCounter("sync_scans_started_over_total",
                              "Scans given up because cells of the view were dropped meanwhile.")),
      queries_merging_(registry.AddGauge(
          "sync_queries_merging",
          "Queries whose parts from all loops are being put together, or wait for that.")),
      scanned_cells_(
          registry.AddCounter("sync_scanned_cells_total", "Cells looked at for queries.")),
      scan_seconds_(registry.AddHistogram(
          "sync_scan_seconds",
          "From asking a loop for its part of a query's rows until they are found.",
          metrics::kLatencySeconds)) {
  for (size_t i = 1; i < ops_.size(); ++i) {
    ops_[i] =
        &registry.AddCounter("sync_merge_ops_total", "Client operations by what became of them.",
                             {{"outcome", kOutcomeNames[i]}});
  }
  for (size_t i = 1; i < commits_.size(); ++i) {
    commits_[i] =
        &registry.AddCounter("sync_commits_total", "Commits by reply.", {{"code", kCodeNames[i]}});
  }
  for (size_t i = 0; i < transactions_.size(); ++i) {
    transactions_[i] = &registry.AddCounter(
        "sync_commit_transactions_total",
        "Commits tried as transactions, without the script. Touched: the shard had changed, so the "
        "script decided.",
        {{"result", kTransactionResultNames[i]}});
  }
  for (size_t i = 0; i < replica_waits_.size(); ++i) {
    replica_waits_[i] = &registry.AddCounter(
        "sync_replica_waits_total", "Batches that asked for Redis replicas, by how it ended.",
        {{"result", kReplicaWaitNames[i]}});
  }
  if (recorder_ == nullptr) return;
  part_kind_ = recorder_->AddKind(
      {.name = "merge",
       .stages = {"received", "handed", "taken", "read", "sent", "replied", "answered"},
       .numbers = {"shard", "ops", "batch_ops", "batch_cells", "tries", "incarnation", "n"}});
}

void Probe::PartAnswered(const PartTrace& trace) {
  const PartTrace::Time answered = std::chrono::steady_clock::now();
  if (recorder_ != nullptr && trace.times.trace != 0) Record(trace, answered);
  if (spans_ != nullptr && trace.spans != nullptr) Export(trace, answered);
}

void Probe::Record(const PartTrace& trace, PartTrace::Time answered) {
  hops::Record record{.trace = trace.times.trace};
  record.at = {trace.times.received, trace.times.handed, trace.taken, trace.read,
               trace.sent,           trace.replied,      answered};
  record.numbers = {trace.shard,       trace.ops,   trace.batch_ops,
                    trace.batch_cells, trace.tries, trace.position.incarnation,
                    trace.position.n};
  recorder_->Add(part_kind_, std::move(record));
}

void Probe::ReplicasAsked(ReplicaWait result, double seconds) {
  replica_waits_[static_cast<size_t>(result)]->Increment();
  if (result == ReplicaWait::kConfirmed) replica_wait_seconds_.Observe(seconds);
}

void Probe::OpsMerged(const std::string& outcomes) {
  std::array<uint32_t, kOutcomeCount> counts{};
  for (const char c : outcomes) {
    const auto outcome = static_cast<size_t>(static_cast<uint8_t>(c));
    if (outcome < counts.size()) ++counts[outcome];
  }
  for (size_t i = 1; i < counts.size(); ++i) {
    if (counts[i] != 0) ops_[i]->Increment(counts[i]);
  }
}

void Probe::ConflictsDecided(const Conflicts& conflicts) {
  if (conflicts.overwrites != 0) overwrites_.Increment(static_cast<double>(conflicts.overwrites));
  if (conflicts.clocks_clamped != 0) {
    clocks_clamped_.Increment(static_cast<double>(conflicts.clocks_clamped));
  }
  if (conflicts.collisions != 0) collisions_.Increment(static_cast<double>(conflicts.collisions));
  if (!conflicts.lost.empty()) lost_writes_.Increment(static_cast<double>(conflicts.lost.size()));
}

void Probe::Committed(state::CommitCode code, size_t ops, size_t cells, double seconds) {
  const auto index = static_cast<size_t>(code);
  if (index == 0 || index >= commits_.size()) return;
  commits_[index]->Increment();
  commit_seconds_.Observe(seconds);
  if (code != state::CommitCode::kCommitted) return;
  commit_ops_.Observe(static_cast<double>(ops));
  commit_cells_.Observe(static_cast<double>(cells));
}

void Probe::Swept(double seconds, int64_t tombstones) {
  sweep_seconds_.Observe(seconds);
  tombstones_.Increment(static_cast<double>(tombstones));
}

void Probe::Published(size_t taken, size_t lost) {
  publications_.Increment();
  if (taken != 0) publications_forwarded_.Increment(static_cast<double>(taken));
  if (lost != 0) publications_lost_.Increment(static_cast<double>(lost));
}

void Probe::CellsRead(size_t hits, size_t misses) {
  if (hits != 0) cache_hits_.Increment(static_cast<double>(hits));
  if (misses != 0) cache_misses_.Increment(static_cast<double>(misses));
}

}  // namespace topgun::sync
