// --compare base.json --tolerance 10%: the figures of this run over those of an earlier one.
// Pure but for ReadBaseline().
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::loadgen {

struct Comparison {
  struct Row {
    std::string name;  // "ack p99", "cpu sync-0"
    std::string unit;
    double base = 0;
    double now = 0;
    double ratio = 1;        // now / base
    bool regressed = false;  // worse by more than the tolerance
  };

  std::string base_path;
  double tolerance = 0;  // 0.1: ten percent
  std::vector<Row> rows;

  size_t regressions() const;
};

// The text of a JSON report of this program. The error names the file and what is wrong with it.
StatusOr<std::string> ReadBaseline(const std::string& path);

// Both are JSON reports (RenderJson()); figures that only one of them has are left out.
StatusOr<Comparison> CompareReports(const std::string& base_json, const std::string& now_json,
                                    double tolerance);

}  // namespace topgun::loadgen
