// The merge decisions of the replicated maps, as pure functions over timestamps (core.md 4).
//
// Hot paths call these on cells they hold in any form; LwwMap and OrMap are built on them. Every
// decision is a join: commutative, associative, idempotent. Any thread; no errors.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "crdt/timestamp.h"

namespace topgun::crdt {

enum class MergeOutcome : uint8_t {
  kApplied,    // the incoming state replaces the local one
  kStale,      // the local state is newer and stays
  kDuplicate,  // both are the same; the local one stays
};

// LWW: strictly newer wins. Equal timestamps are the same write.
inline MergeOutcome CompareLww(const TimestampView& local, const TimestampView& incoming) {
  if (incoming > local) return MergeOutcome::kApplied;
  return incoming == local ? MergeOutcome::kDuplicate : MergeOutcome::kStale;
}

// State of one OR tag: a live record, or a tombstone (whose timestamp does not matter).
struct OrTagState {
  TimestampView timestamp;
  bool tombstone = false;
};

// OR, per tag: a tombstone is final; among records the strictly newer wins.
inline MergeOutcome CompareOrTag(const OrTagState& local, const OrTagState& incoming) {
  if (local.tombstone) {
    return incoming.tombstone ? MergeOutcome::kDuplicate : MergeOutcome::kStale;
  }
  if (incoming.tombstone) return MergeOutcome::kApplied;
  return CompareLww(local.timestamp, incoming.timestamp);
}

// Wall clock in ms strictly after which TTL hides a record; nothing when it never expires (no TTL,
// or 0).
inline std::optional<double> ExpiryOf(int64_t millis, std::optional<double> ttl_ms) {
  if (!ttl_ms.has_value() || !(*ttl_ms > 0)) return std::nullopt;
  return static_cast<double>(millis) + *ttl_ms;
}

inline bool IsHidden(double expires_ms, int64_t now_ms) {
  return expires_ms < static_cast<double>(now_ms);
}

inline bool IsExpired(int64_t millis, std::optional<double> ttl_ms, int64_t now_ms) {
  const std::optional<double> expires_ms = ExpiryOf(millis, ttl_ms);
  return expires_ms.has_value() && IsHidden(*expires_ms, now_ms);
}

// What a write may ask for: finite and above 0.
inline bool IsValidTtl(double ttl_ms) { return std::isfinite(ttl_ms) && ttl_ms > 0; }

}  // namespace topgun::crdt
