#include "workload/key_picker.h"

#include <algorithm>
#include <cmath>

namespace topgun::loadgen {

ZipfTable::ZipfTable(uint64_t items, double theta)
    : items_(static_cast<double>(items)), theta_(theta), alpha_(1.0 / (1.0 - theta)), zeta_(0) {
  for (uint64_t rank = 1; rank <= items; ++rank) {
    zeta_ += 1.0 / std::pow(static_cast<double>(rank), theta);
  }
  const double zeta_of_2 = 1.0 + std::pow(0.5, theta);
  eta_ = (1.0 - std::pow(2.0 / items_, 1.0 - theta)) / (1.0 - zeta_of_2 / zeta_);
}

uint64_t ZipfTable::Sample(Random& random) const {
  const double u = random.Unit();
  const double uz = u * zeta_;
  if (uz < 1.0) return 0;
  const uint64_t last = static_cast<uint64_t>(items_) - 1;
  if (uz < 1.0 + std::pow(0.5, theta_)) return std::min<uint64_t>(1, last);
  const double rank = items_ * std::pow(eta_ * u - eta_ + 1.0, alpha_);
  return std::min(static_cast<uint64_t>(rank), last);
}

// With more connections than keys some of them have to share one.
uint64_t KeyPicker::NextOwn(Random& random) const {
  if (spec_.first >= spec_.keys) return spec_.first % spec_.keys;
  const uint64_t own = (spec_.keys - spec_.first + spec_.stride - 1) / spec_.stride;
  return spec_.first + spec_.stride * random.Below(own);
}

uint64_t KeyPicker::NextRead(Random& random) {
  if (spec_.distribution != KeyDistribution::kSequential) return Next(random);
  constexpr double kMeanAge = 10;  // keys of this connection
  const uint64_t written = (next_ - spec_.first) / spec_.stride;
  if (written == 0) return spec_.keys == 0 ? next_ : next_ % spec_.keys;
  const auto age = static_cast<uint64_t>(-std::log(1.0 - random.Unit()) * kMeanAge);
  const uint64_t key = next_ - spec_.stride * (1 + std::min(age, written - 1));
  return spec_.keys == 0 ? key : key % spec_.keys;
}

uint64_t KeyPicker::Next(Random& random) {
  switch (spec_.distribution) {
    case KeyDistribution::kUniform:
      return random.Below(spec_.keys);
    case KeyDistribution::kZipf:
      return spec_.zipf->Sample(random);
    case KeyDistribution::kHot:
      return random.Unit() < spec_.hot_share
                 ? random.Below(spec_.hot_keys)
                 : spec_.hot_keys + random.Below(spec_.keys - spec_.hot_keys);
    case KeyDistribution::kPartitioned:
      return NextOwn(random);
    case KeyDistribution::kSequential:
      break;
  }
  const uint64_t key = next_;
  next_ += spec_.stride;
  return spec_.keys == 0 ? key : key % spec_.keys;
}

}  // namespace topgun::loadgen
