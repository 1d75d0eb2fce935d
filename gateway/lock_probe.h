// Metrics of locks, part of the Probe. Any thread may count; only the loop observes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/registry.h"

namespace topgun::gateway {

// What became of a LOCK_REQUEST. kLate: granted, but the client had stopped waiting; kLeft: the
// connection has ended.
enum class LockFate : uint8_t { kGranted, kExpired, kLate, kLeft, kRefused, kFailed };
inline constexpr size_t kLockFateCount = size_t{1} + static_cast<size_t>(LockFate::kFailed);

// What LOCK_RELEASED has said. kFailed: the cluster could not be asked in time.
enum class ReleaseFate : uint8_t { kReleased, kNotHeld, kFailed };
inline constexpr size_t kReleaseFateCount = size_t{1} + static_cast<size_t>(ReleaseFate::kFailed);

class LockProbe {
 public:
  LockProbe(metrics::Registry& registry, size_t loop);

  void Requested(LockFate fate) { requests_[static_cast<size_t>(fate)]->Increment(); }
  void Granted(double wait_seconds) { wait_seconds_.Observe(wait_seconds); }
  void Released(ReleaseFate fate) { releases_[static_cast<size_t>(fate)]->Increment(); }
  // A lock, or what may have become one, whose client does not hold it any more.
  void GivenBack(bool ok) { (ok ? given_back_ : not_given_back_).Increment(); }
  void Waiting(int delta) { waiting_.Increment(delta); }
  void Held(int delta) { held_.Increment(delta); }

 private:
  std::array<prometheus::Counter*, kLockFateCount> requests_{};
  std::array<prometheus::Counter*, kReleaseFateCount> releases_{};
  prometheus::Counter& given_back_;
  prometheus::Counter& not_given_back_;
  prometheus::Gauge& waiting_;
  prometheus::Gauge& held_;
  prometheus::Histogram& wait_seconds_;
};

}  // namespace topgun::gateway
