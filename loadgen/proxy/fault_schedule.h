// What the fault proxy does when: pure, given the time. One per proxy; not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "options/proxy_faults.h"
#include "workload/random.h"

namespace topgun::loadgen {

class FaultSchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Length = Time::duration;

  FaultSchedule(const ProxyFaults& faults, uint64_t seed) : faults_(faults), random_(seed) {}

  // Cuts and stalls begin; before, there are none. The first call counts.
  void Rouse(Time now);
  // From now on only latency, jitter and bandwidth are left.
  void Calm(Time now);

  // When bytes that came `now` may be passed on.
  Time ReleaseAt(Time now);
  // When anything may be passed on again: `now`, unless nothing passes at the moment.
  Time StallEnd(Time now) const;
  // How many stalls have begun, and how many connections should have been cut.
  uint64_t StallsBegun(Time now) const;
  uint64_t CutsDue(Time now) const;
  // Whether the next connection is to be refused.
  bool Refuses();
  // A number below `count`, which is above 0.
  size_t Pick(size_t count) { return static_cast<size_t>(random_.Below(count)); }

  // How long a connection is busy with so many bytes in one direction, and how many may be passed
  // on in one piece so that this stays smooth.
  Length TimeFor(size_t bytes) const;
  size_t PieceMax() const;

 private:
  // Since Rouse(), but no longer than until Calm().
  Length Elapsed(Time now) const;

  const ProxyFaults faults_;
  Time roused_since_ = Time::max();
  Time calm_since_ = Time::max();
  Random random_;
};

}  // namespace topgun::loadgen
