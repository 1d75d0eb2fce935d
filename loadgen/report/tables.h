// The figures of a report as tables, which the text and the HTML report both print. Pure.
#pragma once

#include <string>
#include <vector>

#include "report/run_report.h"

namespace topgun::loadgen {

struct Table {
  std::string title;
  std::vector<std::string> columns;  // above the values; empty: each row is a name and a text
  std::vector<std::vector<std::string>> rows;
  bool wide = false;  // the last column is a text of any length
};

// In reading order, without empty ones.
std::vector<Table> ReportTables(const Config& config, const RunReport& report);

// Whether the figures may be used at all, and why.
std::string VerdictText(const Config& config, const RunReport& report);

}  // namespace topgun::loadgen
