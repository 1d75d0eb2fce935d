// Metrics of the domain. Counters are resolved once; every method is one or two atomic operations.
// One instance per process, shared by all loops.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "domain/conflicts.h"
#include "domain/lock_probe.h"
#include "domain/search_probe.h"
#include "domain/write.h"
#include "hops/recorder.h"
#include "metrics/registry.h"
#include "state/scripts.h"
#include "tracing/recorder.h"

namespace topgun::sync {

// How a wait for Redis replicas ended.
enum class ReplicaWait : uint8_t { kConfirmed, kTimedOut, kFailed, kRefused };
inline constexpr size_t kReplicaWaitCount = 4;

// What became of a commit that went as a transaction. kTouched: somebody else had changed the shard
// meanwhile; kFailed: refused, or the connection was lost.
enum class TransactionResult : uint8_t { kCommitted, kTouched, kFailed };
inline constexpr size_t kTransactionResultCount = 3;

// The way of a part that is followed.
struct PartTrace {
  using Time = std::chrono::steady_clock::time_point;

  PartTimes times;
  const PartSpans* spans = nullptr;  // null: none are exported
  // Of the batch with its last ops.
  Time taken;
  Time read;     // cells that were not in memory; Time(): none was missing
  Time sent;     // the commit
  Time replied;  // Redis
  uint64_t shard = 0;
  uint64_t ops = 0;
  uint64_t batch_ops = 0;
  uint64_t batch_cells = 0;
  uint64_t tries = 0;  // commits sent until one was accepted
  state::Position position;
};

class Probe {
 public:
  // `recorder` keeps the ways of parts that are followed, `spans` exports those that are traced;
  // null: none is.
  explicit Probe(metrics::Registry& registry, hops::Recorder* recorder = nullptr,
                 tracing::Recorder* spans = nullptr);

  // The spans of a part with this context; null when it is not to be traced.
  std::unique_ptr<const PartSpans> SpansOf(std::string_view traceparent,
                                           std::string_view tracestate);
  // A traced part was given up.
  void PartFailed(const WritePart& part, const Status& status);

  void OpsMerged(const std::string& outcomes);
  void ConflictsDecided(const Conflicts& conflicts);
  void LoserBytes(int64_t delta) { loser_bytes_.Increment(static_cast<double>(delta)); }
  void Committed(state::CommitCode code, size_t ops, size_t cells, double seconds);
  void Transacted(TransactionResult result) {
    transactions_[static_cast<size_t>(result)]->Increment();
  }
  void ReplicaWaiters(int64_t delta) { replica_waiters_.Increment(static_cast<double>(delta)); }
  void ReplicasAsked(ReplicaWait result, double seconds);
  // Its batch was merged and is being sent to Redis, so long after it was taken up.
  void Merged(double seconds) { merge_seconds_.Observe(seconds); }
  // The last of a part is committed, so long after it was received; with the time until then at
  // which the batch with these ops was taken.
  void PartCommitted(double wait_seconds, double seconds) {
    part_wait_seconds_.Observe(wait_seconds);
    part_seconds_.Observe(seconds);
  }
  void PartAnswered(const PartTrace& trace);
  // How late a timer of the loop came.
  void LoopLag(double seconds) { loop_lag_seconds_.Observe(seconds); }
  void PartRefused() { parts_refused_.Increment(); }
  void AnswersReleased(size_t count) { answers_released_.Increment(static_cast<double>(count)); }
  void QueueBytes(int64_t delta) { queue_bytes_.Increment(static_cast<double>(delta)); }
  void CacheBytes(int64_t delta) { cache_bytes_.Increment(static_cast<double>(delta)); }
  void CellsRead(size_t hits, size_t misses);
  void ShardOpened() { shards_opened_.Increment(); }
  void ShardsOpen(int64_t delta) { shards_open_.Increment(static_cast<double>(delta)); }
  void OpenFailed() { open_failures_.Increment(); }
  void FeedGap() { feed_gaps_.Increment(); }
  void FeedEntriesRead(size_t count) { feed_entries_read_.Increment(static_cast<double>(count)); }
  void Hydrated(size_t cells) { hydrated_cells_.Increment(static_cast<double>(cells)); }
  void Hydrations() { hydrations_.Increment(); }
  void CellsPruned(size_t count) { pruned_cells_.Increment(static_cast<double>(count)); }
  // `tombstones`: how many more than the last sweep of the same shard found.
  void Swept(double seconds, int64_t tombstones);
  void Watchers(int64_t delta) { watchers_.Increment(static_cast<double>(delta)); }
  void WatchedShards(int64_t delta) {
    if (delta != 0) watched_shards_.Increment(static_cast<double>(delta));
  }
  // What a drain waits for: shards that gateways follow here, bytes of batches that are not merged.
  uint64_t watched_shards() const { return static_cast<uint64_t>(watched_shards_.Value()); }
  uint64_t queue_bytes() const { return static_cast<uint64_t>(queue_bytes_.Value()); }
  void WatchOverflow() { watch_overflows_.Increment(); }
  void ChangesForwarded(size_t count) { watch_changes_.Increment(static_cast<double>(count)); }
  void TopicSubscriptions(int64_t delta) {
    topic_subscriptions_.Increment(static_cast<double>(delta));
  }
  void TopicRefused() { topics_refused_.Increment(); }
  // A publication was handed to so many watchers; so many that want it have too much waiting.
  void Published(size_t taken, size_t lost);
  void PublicationTooLarge() { publications_too_large_.Increment(); }
  void Views(int64_t delta) { views_.Increment(static_cast<double>(delta)); }
  void ViewBytes(int64_t delta) { view_bytes_.Increment(static_cast<double>(delta)); }
  void ViewBuilt(double seconds) { view_build_seconds_.Observe(seconds); }
  void ViewRefused() { views_refused_.Increment(); }
  LockProbe& locks() { return locks_; }
  SearchProbe& searches() { return searches_; }
  // One shard's part of a read of the journal; `cut`: it ended at a limit.
  void JournalRead(size_t entries, bool cut) {
    journal_entries_.Increment(static_cast<double>(entries));
    (cut ? journal_reads_cut_ : journal_reads_complete_).Increment();
  }
  void JournalEntriesRead(size_t count) {
    journal_entries_read_.Increment(static_cast<double>(count));
  }
  void ScansWaiting(int64_t delta) { scans_waiting_.Increment(static_cast<double>(delta)); }
  void ScansRunning(int64_t delta) { scans_running_.Increment(static_cast<double>(delta)); }
  void ScanRefused() { scans_refused_.Increment(); }
  void ScanStartedOver() { scans_started_over_.Increment(); }
  void QueriesMerging(int64_t delta) { queries_merging_.Increment(static_cast<double>(delta)); }
  void CellsScanned(size_t count) { scanned_cells_.Increment(static_cast<double>(count)); }
  void Scanned(double seconds) { scan_seconds_.Observe(seconds); }

 private:
  std::array<prometheus::Counter*, kOutcomeCount> ops_{};
  std::array<prometheus::Counter*, 6> commits_{};
  std::array<prometheus::Counter*, kTransactionResultCount> transactions_{};
  prometheus::Counter& overwrites_;
  prometheus::Counter& clocks_clamped_;
  prometheus::Counter& collisions_;
  prometheus::Counter& lost_writes_;
  prometheus::Gauge& loser_bytes_;
  void Record(const PartTrace& trace, PartTrace::Time answered);
  void Export(const PartTrace& trace, PartTrace::Time answered);

  hops::Recorder* const recorder_;
  tracing::Recorder* const spans_;
  size_t part_kind_ = 0;
  prometheus::Histogram& part_wait_seconds_;
  prometheus::Histogram& merge_seconds_;
  prometheus::Histogram& part_seconds_;
  prometheus::Histogram& loop_lag_seconds_;
  prometheus::Histogram& commit_seconds_;
  prometheus::Histogram& commit_ops_;
  prometheus::Histogram& commit_cells_;
  std::array<prometheus::Counter*, kReplicaWaitCount> replica_waits_{};
  prometheus::Gauge& replica_waiters_;
  prometheus::Histogram& replica_wait_seconds_;
  prometheus::Counter& parts_refused_;
  prometheus::Counter& answers_released_;
  prometheus::Gauge& queue_bytes_;
  prometheus::Gauge& cache_bytes_;
  prometheus::Counter& cache_hits_;
  prometheus::Counter& cache_misses_;
  prometheus::Counter& shards_opened_;
  prometheus::Gauge& shards_open_;
  prometheus::Counter& open_failures_;
  prometheus::Counter& feed_gaps_;
  prometheus::Counter& feed_entries_read_;
  prometheus::Counter& hydrations_;
  prometheus::Counter& hydrated_cells_;
  prometheus::Counter& pruned_cells_;
  prometheus::Histogram& sweep_seconds_;
  prometheus::Gauge& tombstones_;
  prometheus::Gauge& watchers_;
  prometheus::Gauge& watched_shards_;
  prometheus::Counter& watch_overflows_;
  prometheus::Counter& watch_changes_;
  prometheus::Gauge& topic_subscriptions_;
  prometheus::Counter& topics_refused_;
  prometheus::Counter& publications_;
  prometheus::Counter& publications_forwarded_;
  prometheus::Counter& publications_lost_;
  prometheus::Counter& publications_too_large_;
  prometheus::Gauge& views_;
  prometheus::Gauge& view_bytes_;
  prometheus::Histogram& view_build_seconds_;
  prometheus::Counter& views_refused_;
  LockProbe locks_;
  SearchProbe searches_;
  prometheus::Counter& journal_entries_;
  prometheus::Counter& journal_entries_read_;
  prometheus::Counter& journal_reads_complete_;
  prometheus::Counter& journal_reads_cut_;
  prometheus::Gauge& scans_waiting_;
  prometheus::Gauge& scans_running_;
  prometheus::Counter& scans_refused_;
  prometheus::Counter& scans_started_over_;
  prometheus::Gauge& queries_merging_;
  prometheus::Counter& scanned_cells_;
  prometheus::Histogram& scan_seconds_;
};

}  // namespace topgun::sync
