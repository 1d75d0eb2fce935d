#include "crdt/hybrid_logical_clock.h"

#include <algorithm>
#include <utility>

namespace topgun::crdt {
namespace {

// Beyond this an integer is no exact JavaScript number: such a timestamp is ignored, as the
// client ignores what is not finite, and the arithmetic here cannot overflow.
constexpr int64_t kExactIntegerMax = (int64_t{1} << 53) - 1;
// A counter that is full carries into millis, as the reference server does.
constexpr int64_t kCounterMax = UINT32_MAX;

bool IsExact(int64_t value) { return value >= -kExactIntegerMax && value <= kExactIntegerMax; }

}  // namespace

HybridLogicalClock::HybridLogicalClock(std::string node_id, const WallClock& wall, bool strict,
                                       int64_t drift_max_ms)
    : node_id_(std::move(node_id)), wall_(wall), strict_(strict), drift_max_ms_(drift_max_ms) {}

Timestamp HybridLogicalClock::Tick() {
  const int64_t now = wall_.NowMs();
  if (now > last_millis_) {
    Set(now, 0);
  } else {
    Set(last_millis_, last_counter_ + 1);
  }
  return {last_millis_, last_counter_, node_id_};
}

bool HybridLogicalClock::Observe(const TimestampView& remote) {
  if (!IsExact(remote.millis) || !IsExact(remote.counter)) return true;
  const int64_t now = wall_.NowMs();
  if (strict_ && remote.millis - now > drift_max_ms_) return false;

  const int64_t newest = std::max({last_millis_, now, remote.millis});
  if (newest == last_millis_ && newest == remote.millis) {
    Set(newest, std::max(last_counter_, remote.counter) + 1);
  } else if (newest == last_millis_) {
    Set(newest, last_counter_ + 1);
  } else if (newest == remote.millis) {
    Set(newest, remote.counter + 1);
  } else {
    Set(newest, 0);
  }
  return true;
}

void HybridLogicalClock::Set(int64_t millis, int64_t counter) {
  const bool full = counter > kCounterMax;
  last_millis_ = full ? millis + 1 : millis;
  last_counter_ = full ? 0 : counter;
}

}  // namespace topgun::crdt
