#include "report/hdr_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace topgun::loadgen {
namespace {

constexpr double kNsPerReportedMs = 1e6;
constexpr int kTicksPerHalfDistance = 5;

double Ms(int64_t ns) { return static_cast<double>(ns) / kNsPerReportedMs; }

// The format prints the deviation over the values of the buckets.
double StandardDeviationMs(const Histogram& histogram) {
  if (histogram.count() == 0) return 0;
  double squares = 0;
  for (const Histogram::Bucket& bucket : histogram.Buckets()) {
    const double distance = static_cast<double>(bucket.upper_edge) - histogram.Mean();
    squares += distance * distance * static_cast<double>(bucket.count);
  }
  return std::sqrt(squares / static_cast<double>(histogram.count())) / kNsPerReportedMs;
}

class Rows {
 public:
  explicit Rows(const Histogram& histogram) : total_(histogram.count()) {
    for (const Histogram::Bucket& bucket : histogram.Buckets()) AddBucket(bucket, histogram.max());
  }

  std::string Take() { return std::move(text_); }

 private:
  // A row for every tick that the values up to this bucket reach. Ticks halve their distance to
  // 100 % after every kTicksPerHalfDistance of them.
  void AddBucket(const Histogram::Bucket& bucket, int64_t max) {
    seen_ += bucket.count;
    const int64_t value = std::min(bucket.upper_edge, max);
    const double reached = 100.0 * static_cast<double>(seen_) / static_cast<double>(total_);
    if (seen_ == total_) return AddRow(value, 100.0);
    while (tick_ <= reached) {
      AddRow(value, tick_);
      const double halvings = std::floor(std::log2(100.0 / (100.0 - tick_))) + 1;
      tick_ += 100.0 / (std::pow(2.0, halvings) * kTicksPerHalfDistance);
    }
  }

  void AddRow(int64_t value, double percent) {
    char row[128];
    const int length = std::snprintf(row, sizeof row, "%12.3f %2.12f %10llu", Ms(value),
                                     percent / 100.0, static_cast<unsigned long long>(seen_));
    text_.append(row, static_cast<size_t>(length));
    if (percent < 100.0) {
      std::snprintf(row, sizeof row, " %14.2f", 1.0 / (1.0 - percent / 100.0));
      text_ += row;
    }
    text_ += '\n';
  }

  const uint64_t total_;
  uint64_t seen_ = 0;
  double tick_ = 0;
  std::string text_;
};

}  // namespace

std::string RenderHgrm(const Histogram& histogram) {
  std::string text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
  text += Rows(histogram).Take();
  char line[160];
  std::snprintf(line, sizeof line, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
                histogram.Mean() / kNsPerReportedMs, StandardDeviationMs(histogram));
  text += line;
  std::snprintf(line, sizeof line, "#[Max     = %12.3f, Total count    = %12llu]\n",
                Ms(histogram.max()), static_cast<unsigned long long>(histogram.count()));
  text += line;
  std::snprintf(line, sizeof line, "#[Buckets = %12d, SubBuckets     = %12d]\n", 36, 128);
  return text + line;
}

}  // namespace topgun::loadgen
