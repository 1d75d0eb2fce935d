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

struct RunStats {
  // Writing.
  uint64_t ops_sent = 0;    // first transmissions
  uint64_t ops_resent = 0;  // further ones, after reconnects or because of --resend full
  uint64_t ops_acked = 0;
  uint64_t ops_refused = 0;  // settled with success:false
  uint64_t frames_sent = 0;
  uint64_t acks_received = 0;
  std::array<uint64_t, kLevels> acked_by_level{};  // by wire::WriteConcern, or kLevelNone

  // Transport.
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t frames_received = 0;
  uint64_t closes = 0;
  uint64_t reconnects = 0;
  uint64_t undecodable_frames = 0;
  std::map<int64_t, uint64_t> errors;  // ERROR frames by code
  std::string last_error;              // text of the latest ERROR frame or close

  // Reading, by subscribers.
  uint64_t events_received = 0;
  uint64_t query_updates_received = 0;

  // Schedule, open loop only.
  uint64_t frames_late = 0;     // left later than kLateNs after their planned time
  uint64_t frames_dropped = 0;  // never sent: too much was unacknowledged already

  // Nanoseconds. The latency of a frame counts once for each of its ops.
  Histogram ack_latency;       // from the planned send time
  Histogram ack_latency_sent;  // from the actual send time ("uncorrected")
  Histogram schedule_lag;      // actual minus planned
  Histogram propagation;       // writer's send to subscriber's receive
  Histogram ready_latency;     // connect to AUTH_ACK

  void Merge(const RunStats& other);
  uint64_t ErrorCount() const;
};

// A frame that leaves later than this after its planned time was delayed by the generator.
inline constexpr int64_t kLateNs = 10'000'000;

}  // namespace topgun::loadgen
