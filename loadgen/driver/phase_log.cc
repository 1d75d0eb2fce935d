#include "driver/phase_log.h"

#include <algorithm>
#include <utility>

#include "driver/run_context.h"

namespace topgun::loadgen {
namespace {

constexpr int64_t kCollectEveryNs = 1'000 * kNsPerMs;

double InSeconds(int64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace

PhaseLog::PhaseLog(RunStats& counted, RunObserver* observer)
    : counted_(counted), observer_(observer), run_start_ns_(NowNs()) {}

void PhaseLog::Begin(const std::string& phase, int64_t length_ns) {
  phase_ = phase;
  stats_ = {};
  phase_start_ns_ = collected_ns_ = NowNs();
  length_ns_ = length_ns;
  if (observer_ != nullptr) observer_->OnPhase(phase);
}

void PhaseLog::Collect() {
  Interval interval;
  interval.stats = std::exchange(counted_, {});
  stats_.Merge(interval.stats);
  const int64_t now_ns = NowNs();
  const int64_t since_ns = std::exchange(collected_ns_, now_ns);
  if (observer_ == nullptr) return;
  interval.phase = phase_;
  interval.run_s = InSeconds(now_ns - run_start_ns_);
  interval.phase_s = InSeconds(now_ns - phase_start_ns_);
  if (length_ns_ > 0) {
    interval.left_s = InSeconds(std::max<int64_t>(0, phase_start_ns_ + length_ns_ - now_ns));
  }
  interval.seconds = InSeconds(now_ns - since_ns);
  observer_->OnInterval(interval);
}

void PhaseLog::CollectDue() {
  if (NowNs() - collected_ns_ >= kCollectEveryNs) Collect();
}

}  // namespace topgun::loadgen
