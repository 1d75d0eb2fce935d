// Metrics of one process, over prometheus-cpp.
//
// Declare every metric once, at start, and keep the reference: counters and gauges are then one
// atomic operation, while a label lookup per event takes a lock and hashes strings. A histogram
// takes its own mutex on every Observe(), so a hot path keeps one histogram per loop or observes
// per batch.
//
//   metrics::Registry registry("topgun-sync");
//   prometheus::Counter& merged = registry.AddCounter(
//       "sync_merge_ops_total", "Operations merged, by result.", {{"result", "merged"}});
//
// Rules, checked when a metric is added (breaking one is a programming error and ends the process):
// a valid name with the unit at its end (_seconds, _bytes, ...), _total after it for counters and
// only for them; a help text; every series of a family has the same type, help and label names.
// Adding a series again gives the same object. Label values come from a closed set, never from a
// client.
//
// Owned by main and outlives everything that holds a reference. Adding and rendering are safe from
// any thread.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace topgun::metrics {

using Labels = std::map<std::string, std::string>;
using Buckets = std::vector<double>;

// Upper bounds. Only for use after main has begun.
extern const Buckets kLatencySeconds;  // 50 us to 30 s
extern const Buckets kBatchSizes;      // powers of two, 1 to 16,384
extern const Buckets kBytes;           // powers of four, 64 B to 64 MiB

enum class Type { kCounter, kGauge, kHistogram };

// A declared family, for the documentation and for tests.
struct Family {
  std::string name;
  Type type = Type::kCounter;
  std::string help;
  std::map<std::string, std::set<std::string>> labels = {};  // name -> values added so far
};

class Registry {
 public:
  // `service` labels topgun_build_info.
  explicit Registry(std::string service = "topgun");
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  prometheus::Counter& AddCounter(std::string name, std::string help, Labels labels = {});
  prometheus::Gauge& AddGauge(std::string name, std::string help, Labels labels = {});
  prometheus::Histogram& AddHistogram(std::string name, std::string help, Buckets buckets,
                                      Labels labels = {});

  // Announces a family whose series can only be added later, so that the documentation has it.
  void Declare(Family family);

  // Text exposition format 0.0.4, with the process_* metrics and topgun_build_info read now.
  std::string Render() const;

  // Every declared family and the process ones, ordered by name.
  std::vector<Family> Families() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A markdown table of the families: the answer to --print-metrics-doc.
std::string RenderDoc(const Registry& registry);

}  // namespace topgun::metrics
