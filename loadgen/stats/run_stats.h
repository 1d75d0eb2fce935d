// What a worker thread counts. The numbers of an interval are taken away by the main thread once a
// second (Worker::TakeStats) and added to the totals of the run, so that the hot path needs neither
// atomics nor locks. Values; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "stats/histogram.h"

namespace topgun::loadgen {

// Acknowledgements that name no achievedLevel count behind the five that core.md 5.6 knows.
inline constexpr size_t kLevelNone = 5;
inline constexpr size_t kLevels = 6;
// PUT, REMOVE, OR_ADD, OR_REMOVE: wire::OpKind without kNothing.
inline constexpr size_t kOpKinds = 4;

// Every member is listed once more in the ForEach... functions below, which is all that merging,
// sending to a coordinator and reporting need.
struct RunStats {
  // Writing.
  uint64_t ops_sent = 0;    // first transmissions
  uint64_t ops_resent = 0;  // further ones, after reconnects or because of --resend full
  uint64_t ops_acked = 0;
  uint64_t ops_refused = 0;  // settled with success:false
  uint64_t frames_sent = 0;
  uint64_t frames_reordered = 0;  // of these left behind a later one, on purpose
  uint64_t acks_received = 0;
  std::array<uint64_t, kLevels> acked_by_level{};  // by wire::WriteConcern, or kLevelNone

  // Transport.
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t frames_received = 0;
  uint64_t closes = 0;
  uint64_t reconnects = 0;
  uint64_t breaks = 0;              // connections that this side broke or left on purpose
  uint64_t slow_reader_closes = 0;  // --slow-reader: the server got rid of the connection
  uint64_t undecodable_frames = 0;
  std::map<int64_t, uint64_t> errors;             // ERROR frames by code
  std::map<std::string, uint64_t> close_reasons;  // connections ended by the other side
  std::string last_error;                         // text of the latest ERROR frame or close

  // Reading, by subscribers.
  uint64_t events_received = 0;
  uint64_t query_updates_received = 0;

  // Queries of a mix (driver/querier.h).
  uint64_t queries_sent = 0;
  uint64_t queries_answered = 0;
  uint64_t queries_failed = 0;  // answered with an error
  uint64_t query_rows = 0;

  // Schedule, open loop only.
  uint64_t frames_late = 0;     // left later than kLateNs after their planned time
  uint64_t frames_dropped = 0;  // never sent: too much was unacknowledged already

  // Nanoseconds. The latency of a frame counts once for each of its ops.
  Histogram ack_latency;                             // from the planned send time
  Histogram ack_latency_sent;                        // from the actual send time ("uncorrected")
  std::array<Histogram, kOpKinds> ack_by_kind;       // ack_latency, by what the op does
  std::array<Histogram, kOpKinds> ack_sent_by_kind;  // ack_latency_sent, likewise
  std::array<Histogram, kLevels> ack_by_level;       // ack_latency, by achieved level
  Histogram query_latency;                           // from the planned send time
  Histogram query_latency_sent;                      // from the actual send time
  Histogram schedule_lag;                            // actual minus planned
  Histogram propagation;                             // writer's send to subscriber's receive
  Histogram connect_latency;                         // connect to the open WebSocket
  Histogram auth_latency;                            // open WebSocket to AUTH_ACK
  Histogram ready_latency;                           // connect to AUTH_ACK
  Histogram answer_latency;                          // connect to the first query's answer
  Histogram pong_latency;                            // PING to PONG

  void Merge(const RunStats& other);
  uint64_t ErrorCount() const;
  // Reasons are text from the other side: behind some different ones they count as "other".
  void CountCloseReason(const std::string& reason);

  // Calls `visit(name, member)` for every counter (uint64_t) of `stats`, a RunStats, const or not.
  template <typename Stats, typename Visitor>
  static void ForEachCounter(Stats& stats, Visitor visit);
  // The same for every Histogram.
  template <typename Stats, typename Visitor>
  static void ForEachHistogram(Stats& stats, Visitor visit);
};

// A frame that leaves later than this after its planned time was delayed by the generator.
inline constexpr int64_t kLateNs = 10'000'000;

template <typename Stats, typename Visitor>
void RunStats::ForEachCounter(Stats& stats, Visitor visit) {
  visit("ops_sent", stats.ops_sent);
  visit("ops_resent", stats.ops_resent);
  visit("ops_acked", stats.ops_acked);
  visit("ops_refused", stats.ops_refused);
  visit("frames_sent", stats.frames_sent);
  visit("frames_reordered", stats.frames_reordered);
  visit("acks_received", stats.acks_received);
  for (size_t i = 0; i < kLevels; ++i) {
    visit("acked_by_level." + std::to_string(i), stats.acked_by_level[i]);
  }
  visit("bytes_sent", stats.bytes_sent);
  visit("bytes_received", stats.bytes_received);
  visit("frames_received", stats.frames_received);
  visit("closes", stats.closes);
  visit("reconnects", stats.reconnects);
  visit("breaks", stats.breaks);
  visit("slow_reader_closes", stats.slow_reader_closes);
  visit("undecodable_frames", stats.undecodable_frames);
  visit("events_received", stats.events_received);
  visit("query_updates_received", stats.query_updates_received);
  visit("queries_sent", stats.queries_sent);
  visit("queries_answered", stats.queries_answered);
  visit("queries_failed", stats.queries_failed);
  visit("query_rows", stats.query_rows);
  visit("frames_late", stats.frames_late);
  visit("frames_dropped", stats.frames_dropped);
}

template <typename Stats, typename Visitor>
void RunStats::ForEachHistogram(Stats& stats, Visitor visit) {
  visit("ack", stats.ack_latency);
  visit("ack_uncorrected", stats.ack_latency_sent);
  for (size_t i = 0; i < kOpKinds; ++i) {
    visit("ack_by_kind." + std::to_string(i), stats.ack_by_kind[i]);
    visit("ack_sent_by_kind." + std::to_string(i), stats.ack_sent_by_kind[i]);
  }
  for (size_t i = 0; i < kLevels; ++i) {
    visit("ack_by_level." + std::to_string(i), stats.ack_by_level[i]);
  }
  visit("query", stats.query_latency);
  visit("query_uncorrected", stats.query_latency_sent);
  visit("schedule_lag", stats.schedule_lag);
  visit("propagation", stats.propagation);
  visit("connect", stats.connect_latency);
  visit("auth", stats.auth_latency);
  visit("ready", stats.ready_latency);
  visit("answer", stats.answer_latency);
  visit("pong", stats.pong_latency);
}

}  // namespace topgun::loadgen
