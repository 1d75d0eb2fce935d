// The course of a run as a time series: what the NDJSON and CSV files, the series of the JSON
// report and the charts show. Times in microseconds, as in the JSON report. Values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "stats/interval.h"

namespace topgun::loadgen {

struct SeriesPoint {
  struct Latency {
    uint64_t count = 0;
    double p50 = 0;
    double p99 = 0;
    double p99_9 = 0;
    double max = 0;
  };

  std::string phase;
  double at_s = 0;  // end of the interval, since the start of the run
  double seconds = 0;
  double acked_ops_per_s = 0;
  double sent_ops_per_s = 0;
  double events_per_s = 0;
  double bytes_sent_per_s = 0;
  double bytes_received_per_s = 0;
  uint64_t unacked_ops = 0;
  uint64_t errors = 0;
  uint64_t refused = 0;
  uint64_t closes = 0;
  uint64_t reconnects = 0;
  uint64_t frames_late = 0;
  uint64_t frames_dropped = 0;
  uint64_t kill_runs = 0;  // of --kill-cmd, begun
  Latency ack;
  Latency propagation;
};

SeriesPoint MakePoint(const Interval& interval);

// Collects points. A day of seconds is kept; what comes later is in the NDJSON file only.
class Series {
 public:
  static constexpr size_t kPointsMax = 86'400;

  void Add(SeriesPoint point) {
    if (points_.size() < kPointsMax) points_.push_back(std::move(point));
  }
  const std::vector<SeriesPoint>& points() const { return points_; }

 private:
  std::vector<SeriesPoint> points_;
};

// One JSON object without line break: a line of the NDJSON file.
std::string RenderPointJson(const SeriesPoint& point);
// The whole series as CSV (RFC 4180) with a header line.
std::string RenderCsv(const std::vector<SeriesPoint>& points);

}  // namespace topgun::loadgen
