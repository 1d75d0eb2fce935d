// Finds the highest rate that meets a condition: doubles the rate until one does not, then halves
// the gap in between (on a logarithmic scale) until it is small. Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

namespace topgun::loadgen {

class CapacitySearch {
 public:
  struct Options {
    double start = 10'000;    // the first rate, ops/s
    double tolerance = 0.05;  // ends when the lowest failed rate is this share above the best one
    uint32_t attempts_max = 24;
  };

  explicit CapacitySearch(const Options& options) : options_(options), next_(options.start) {}

  // The rate to try; nothing when the search is over.
  std::optional<double> Next() const;
  // How the rate of Next() did.
  void Report(bool passed);

  // The highest rate that passed; 0: none did.
  double best() const { return best_; }
  // The lowest rate that failed; 0: none did.
  double failed() const { return failed_; }
  uint32_t attempts() const { return attempts_; }
  // Ended because the gap is small enough, not for lack of attempts.
  bool converged() const;

 private:
  // A target that cannot take this little is broken, not slow.
  static constexpr double kRateMin = 1;

  const Options options_;
  double next_;
  double best_ = 0;
  double failed_ = 0;
  uint32_t attempts_ = 0;
};

}  // namespace topgun::loadgen
