// Metrics of the locks' lines. Any thread; one per process, part of the Probe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/registry.h"

namespace topgun::sync {

// What became of a request. kExtended: its owner held the lock already; kLeft: the caller has gone.
enum class LockResult : uint8_t { kGranted, kExtended, kExpired, kLeft, kRefused, kFailed };
inline constexpr size_t kLockResultCount = size_t{1} + static_cast<size_t>(LockResult::kFailed);

enum class ReleaseResult : uint8_t { kReleased, kNotHeld, kFailed };
inline constexpr size_t kReleaseResultCount =
    size_t{1} + static_cast<size_t>(ReleaseResult::kFailed);

class LockProbe {
 public:
  explicit LockProbe(metrics::Registry& registry);

  void Requested(LockResult result) { requests_[static_cast<size_t>(result)]->Increment(); }
  void Granted(double wait_seconds) { wait_seconds_.Observe(wait_seconds); }
  void Asked() { asks_.Increment(); }
  void GrantTakenBack() { taken_back_.Increment(); }
  void Released(ReleaseResult result) { releases_[static_cast<size_t>(result)]->Increment(); }
  void Waiters(int64_t delta) { waiters_.Increment(static_cast<double>(delta)); }
  // Somebody has joined a line that is so long now.
  void LineLength(size_t length) { line_length_.Observe(static_cast<double>(length)); }

 private:
  std::array<prometheus::Counter*, kLockResultCount> requests_{};
  std::array<prometheus::Counter*, kReleaseResultCount> releases_{};
  prometheus::Counter& asks_;
  prometheus::Counter& taken_back_;
  prometheus::Gauge& waiters_;
  prometheus::Histogram& wait_seconds_;
  prometheus::Histogram& line_length_;
};

}  // namespace topgun::sync
