// Hybrid logical clock (core.md 3.3). Not thread-safe: each loop thread owns one.
//
// Timestamps outside the exact integers of JavaScript (beyond 2^53) are ignored. A counter past
// 32 bits carries into millis.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "crdt/timestamp.h"

namespace topgun::crdt {

// How far ahead of the wall clock a remote timestamp may be before it is drift.
inline constexpr int64_t kDriftMaxMs = 60'000;

class HybridLogicalClock {
 public:
  // `strict` refuses remote timestamps beyond drift_max_ms; otherwise they are accepted.
  HybridLogicalClock(std::string node_id, const WallClock& wall, bool strict = false,
                     int64_t drift_max_ms = kDriftMaxMs);

  // "tick": a timestamp newer than every one made or observed here.
  Timestamp Tick();
  // "receive": false (clock unchanged) iff strict and too far ahead of the wall clock.
  bool Observe(const TimestampView& remote);

  const std::string& node_id() const { return node_id_; }
  int64_t last_millis() const { return last_millis_; }
  int64_t last_counter() const { return last_counter_; }

 private:
  void Set(int64_t millis, int64_t counter);

  std::string node_id_;
  const WallClock& wall_;
  bool strict_;
  int64_t drift_max_ms_;
  int64_t last_millis_ = 0;
  int64_t last_counter_ = 0;
};

}  // namespace topgun::crdt
