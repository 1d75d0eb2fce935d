// Reads the Prometheus text exposition format 0.0.4, as far as counting needs it: names, labels and
// values of samples. Comments, types and timestamps are skipped, lines that are no samples too.
// Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::metrics {

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

class Samples {
 public:
  explicit Samples(std::vector<Sample> samples) : samples_(std::move(samples)) {}
  Samples() = default;

  bool empty() const { return samples_.empty(); }
  // Over all label sets; nothing when there is no sample of this name.
  std::optional<double> Sum(std::string_view name) const;
  std::optional<double> Max(std::string_view name) const;
  std::optional<double> Min(std::string_view name) const;
  // Of the first sample of this name.
  std::optional<std::string> Label(std::string_view name, const std::string& label) const;

 private:
  std::vector<Sample> samples_;
};

Samples ParsePrometheusText(std::string_view text);

}  // namespace topgun::metrics
