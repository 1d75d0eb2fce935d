#include "stats/run_stats.h"

namespace topgun::loadgen {

void RunStats::Merge(const RunStats& other) {
  ops_sent += other.ops_sent;
  ops_resent += other.ops_resent;
  ops_acked += other.ops_acked;
  ops_refused += other.ops_refused;
  frames_sent += other.frames_sent;
  acks_received += other.acks_received;
  for (size_t i = 0; i < kLevels; ++i) acked_by_level[i] += other.acked_by_level[i];
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  frames_received += other.frames_received;
  closes += other.closes;
  reconnects += other.reconnects;
  undecodable_frames += other.undecodable_frames;
  for (const auto& [code, frames] : other.errors) errors[code] += frames;
  if (!other.last_error.empty()) last_error = other.last_error;
  events_received += other.events_received;
  query_updates_received += other.query_updates_received;
  frames_late += other.frames_late;
  frames_dropped += other.frames_dropped;
  ack_latency.Merge(other.ack_latency);
  ack_latency_sent.Merge(other.ack_latency_sent);
  schedule_lag.Merge(other.schedule_lag);
  propagation.Merge(other.propagation);
  ready_latency.Merge(other.ready_latency);
}

uint64_t RunStats::ErrorCount() const {
  uint64_t count = 0;
  for (const auto& [code, frames] : errors) count += frames;
  return count;
}

}  // namespace topgun::loadgen
