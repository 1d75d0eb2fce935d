#include "proxy/fault_schedule.h"

#include <algorithm>
#include <limits>

namespace topgun::loadgen {
namespace {

using ScheduleSeconds = std::chrono::duration<double>;

}  // namespace

FaultSchedule::Time FaultSchedule::ReleaseAt(Time now) {
  Time at = now + faults_.latency;
  if (faults_.jitter.count() > 0) {
    at += std::chrono::duration_cast<Length>(faults_.jitter * random_.Unit());
  }
  return at;
}

FaultSchedule::Length FaultSchedule::Elapsed(Time now) const {
  return std::max(std::min(now, calm_since_), roused_since_) - roused_since_;
}

FaultSchedule::Time FaultSchedule::StallEnd(Time now) const {
  if (faults_.stall.away.count() == 0 || now < roused_since_ || now >= calm_since_) return now;
  const Length every = faults_.stall.every;
  const Length in_period = Elapsed(now) % every;
  return in_period < every - faults_.stall.away ? now : now + (every - in_period);
}

uint64_t FaultSchedule::StallsBegun(Time now) const {
  if (faults_.stall.away.count() == 0) return 0;
  return static_cast<uint64_t>((Elapsed(now) + Length(faults_.stall.away)) /
                               Length(faults_.stall.every));
}

uint64_t FaultSchedule::CutsDue(Time now) const {
  return static_cast<uint64_t>(ScheduleSeconds(Elapsed(now)).count() * faults_.cut_rate);
}

bool FaultSchedule::Refuses() {
  return faults_.refuse > 0 && calm_since_ == Time::max() && random_.Unit() < faults_.refuse;
}

FaultSchedule::Length FaultSchedule::TimeFor(size_t bytes) const {
  if (faults_.bandwidth == 0) return Length(0);
  return std::chrono::duration_cast<Length>(
      ScheduleSeconds(static_cast<double>(bytes) / faults_.bandwidth));
}

size_t FaultSchedule::PieceMax() const {
  constexpr double kPieceSeconds = 0.02;
  constexpr double kPieceBytesMin = 64;
  constexpr double kPieceBytesMax = 1e6;
  if (faults_.bandwidth == 0) return std::numeric_limits<size_t>::max();
  return static_cast<size_t>(
      std::clamp(faults_.bandwidth * kPieceSeconds, kPieceBytesMin, kPieceBytesMax));
}

void FaultSchedule::Rouse(Time now) { roused_since_ = std::min(roused_since_, now); }

void FaultSchedule::Calm(Time now) { calm_since_ = std::min(calm_since_, now); }

}  // namespace topgun::loadgen
