#include "report/junit_report.h"

#include <vector>

#include "report/text.h"

namespace topgun::loadgen {
namespace {

struct Case {
  std::string name;
  std::string failure;  // empty: passed
};

std::vector<Case> CasesOf(const RunReport& report) {
  std::vector<Case> cases;
  std::string failures;
  for (const std::string& problem : report.problems) {
    failures += (failures.empty() ? "" : "\n") + problem;
  }
  cases.push_back({"run", report.exit_code == kExitOk ? "" : failures});
  cases.push_back({"generator was not the bottleneck", report.valid ? "" : failures});
  if (report.verify) {
    const std::string findings =
        std::to_string(report.verify->findings()) + " findings; " + report.verify->incomplete;
    cases.push_back({"verification", report.verify->passed() ? "" : findings});
  }
  for (const ThresholdResult& threshold : report.thresholds) {
    cases.push_back(
        {"threshold " + threshold.text, threshold.passed ? "" : "measured " + threshold.measured});
  }
  if (report.comparison) {
    for (const Comparison::Row& row : report.comparison->rows) {
      cases.push_back({"compare " + row.name,
                       row.regressed
                           ? Fixed(row.ratio, 3) + " times " + Fixed(row.base, 2) + " " + row.unit
                           : ""});
    }
  }
  return cases;
}

}  // namespace

std::string EscapeMarkup(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\n':
      case '\t':
        escaped += c;
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  return escaped;
}

std::string RenderJunit(const RunReport& report) {
  const std::vector<Case> cases = CasesOf(report);
  size_t failed = 0;
  std::string body;
  for (const Case& each : cases) {
    body += "    <testcase classname=\"topgun-loadgen\" name=\"" + EscapeMarkup(each.name) +
            "\" time=\"" + Fixed(report.seconds, 3) + "\"";
    if (each.failure.empty()) {
      body += "/>\n";
      continue;
    }
    ++failed;
    body += ">\n      <failure message=\"" + EscapeMarkup(each.failure) + "\"/>\n    </testcase>\n";
  }
  const std::string counts =
      "tests=\"" + std::to_string(cases.size()) + "\" failures=\"" + std::to_string(failed) + "\"";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites " + counts +
         ">\n  <testsuite name=\"topgun-loadgen\" " + counts + " time=\"" +
         Fixed(report.seconds, 3) + "\">\n" + body + "  </testsuite>\n</testsuites>\n";
}

}  // namespace topgun::loadgen
