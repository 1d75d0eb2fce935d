#include "report/compare_report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <optional>

namespace topgun::loadgen {
namespace {

namespace json = boost::json;

struct Figure {
  const char* name;
  const char* unit;
  std::vector<std::string> path;
  bool higher_is_better = false;
};

std::vector<Figure> Figures(const json::object& base) {
  std::vector<Figure> figures = {
      {"acknowledged ops", "/s", {"throughput", "acked_ops_per_s"}, true}};
  for (const char* latency : {"ack", "ack_uncorrected", "propagation"}) {
    for (const char* percentile : {"p50", "p99", "p99_9"}) {
      figures.push_back({"", "us", {"latency", latency, percentile}});
    }
  }
  const json::value* const cpu = base.if_contains("cpu");
  const json::value* const processes =
      cpu != nullptr && cpu->is_object() ? cpu->as_object().if_contains("processes") : nullptr;
  if (processes != nullptr && processes->is_object()) {
    for (const auto& [name, usage] : processes->as_object()) {
      figures.push_back({"", "us/op", {"cpu", "processes", std::string(name), "us_per_op"}});
    }
  }
  return figures;
}

std::optional<double> ValueAt(const json::object& root, const std::vector<std::string>& path) {
  const json::object* object = &root;
  for (size_t i = 0; i < path.size(); ++i) {
    const json::value* const value = object->if_contains(path[i]);
    if (value == nullptr) return std::nullopt;
    if (i + 1 == path.size()) {
      if (!value->is_number()) return std::nullopt;
      return value->to_number<double>();
    }
    if (!value->is_object()) return std::nullopt;
    object = &value->as_object();
  }
  return std::nullopt;
}

std::string NameOf(const Figure& figure) {
  if (*figure.name != '\0') return figure.name;
  if (figure.path[0] == "cpu") return "cpu " + figure.path[2];
  std::string percentile = figure.path[2];
  std::replace(percentile.begin(), percentile.end(), '_', '.');
  return figure.path[1] + " " + percentile;
}

StatusOr<json::object> ParseObject(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return InvalidArgument("not a JSON object");
  return std::move(value.as_object());
}

}  // namespace

size_t Comparison::regressions() const {
  return static_cast<size_t>(
      std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.regressed; }));
}

StatusOr<std::string> ReadBaseline(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return InvalidArgument("--compare: cannot read " + path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto root = ParseObject(text);
  if (!root.ok() || !ValueAt(*root, {"throughput", "acked_ops_per_s"})) {
    return InvalidArgument("--compare: " + path +
                           " is not a report of topgun-loadgen; make one with --json");
  }
  return text;
}

StatusOr<Comparison> CompareReports(const std::string& base_json, const std::string& now_json,
                                    double tolerance) {
  ASSIGN_OR_RETURN(const json::object base, ParseObject(base_json));
  ASSIGN_OR_RETURN(const json::object now, ParseObject(now_json));
  Comparison comparison;
  comparison.tolerance = tolerance;
  for (const Figure& figure : Figures(base)) {
    const auto before = ValueAt(base, figure.path);
    const auto after = ValueAt(now, figure.path);
    // Without a base there is no ratio: a latency that was not measured is 0, too.
    if (!before || !after || *before <= 0) continue;
    Comparison::Row row{NameOf(figure), figure.unit, *before, *after, *after / *before, false};
    row.regressed = figure.higher_is_better ? row.ratio < 1 - tolerance : row.ratio > 1 + tolerance;
    if (!figure.higher_is_better && *after <= 0) continue;
    comparison.rows.push_back(std::move(row));
  }
  return comparison;
}

}  // namespace topgun::loadgen
