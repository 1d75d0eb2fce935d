#include "driver/capacity_search.h"

#include <cmath>

namespace topgun::loadgen {

bool CapacitySearch::converged() const {
  if (failed_ == 0) return false;
  return best_ > 0 ? failed_ <= best_ * (1 + options_.tolerance) : next_ < kRateMin;
}

std::optional<double> CapacitySearch::Next() const {
  if (converged() || attempts_ >= options_.attempts_max) return std::nullopt;
  return next_;
}

void CapacitySearch::Report(bool passed) {
  ++attempts_;
  (passed ? best_ : failed_) = next_;
  if (failed_ == 0) {
    next_ = best_ * 2;
  } else if (best_ == 0) {
    next_ = failed_ / 2;
  } else {
    next_ = std::sqrt(best_ * failed_);
  }
}

}  // namespace topgun::loadgen
