#include "report/json_report.h"

#include <boost/json.hpp>

#include "report/banner.h"
#include "report/campaign_report.h"
#include "report/client_sections.h"
#include "report/kill_section.h"
#include "report/measured_json.h"
#include "report/proxy_section.h"
#include "report/tables.h"

namespace topgun::loadgen {
namespace {

namespace json = boost::json;

json::object ParametersJson(const Parameters& parameters) {
  json::object object;
  for (const auto& [name, value] : parameters) object[name] = value;
  return object;
}

template <typename T>
json::value OrNull(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::object ServerJson(const RunReport& report) {
  const auto ops = static_cast<double>(report.window.ops_acked);
  json::object services;
  for (const ServerReport::Service& service : report.server.services) {
    services[service.name] = {{"version", service.version},
                              {"error", service.error},
                              {"cpu_seconds", OrNull(service.cpu_seconds)},
                              {"resident_bytes", OrNull(service.resident_bytes)},
                              {"resident_growth_bytes", OrNull(service.resident_growth_bytes)},
                              {"bytes_per_connection", OrNull(service.bytes_per_connection)}};
  }
  json::object counts;
  for (const ServerReport::Count& count : report.server.counts) {
    counts[count.name] = {{"count", count.count}, {"per_op", ops > 0 ? count.count / ops : 0}};
  }
  json::object levels;
  for (const ServerReport::Level& level : report.server.levels) {
    levels[level.name] = {{"unit", level.unit}, {"start", level.start}, {"end", level.end}};
  }
  return {{"services", services}, {"work", counts}, {"backlog", levels}};
}

json::array SeriesJson(const RunReport& report) {
  json::array series;
  for (const SeriesPoint& point : report.series)
    series.push_back(json::parse(RenderPointJson(point)));
  return series;
}

json::array ThresholdsJson(const RunReport& report) {
  json::array thresholds;
  for (const ThresholdResult& result : report.thresholds) {
    thresholds.push_back({{"threshold", result.text},
                          {"measured", result.measured},
                          {"value", OrNull(result.value)},
                          {"passed", result.passed}});
  }
  return thresholds;
}

json::value ComparisonJson(const RunReport& report) {
  if (!report.comparison) return nullptr;
  json::array rows;
  for (const Comparison::Row& row : report.comparison->rows) {
    rows.push_back({{"name", row.name},
                    {"unit", row.unit},
                    {"base", row.base},
                    {"now", row.now},
                    {"ratio", row.ratio},
                    {"regressed", row.regressed}});
  }
  return {{"base", report.comparison->base_path},
          {"tolerance", report.comparison->tolerance},
          {"rows", rows}};
}

json::object PartJson(const CampaignReport& campaign, const CampaignPart& part) {
  json::object object = {{"name", part.name},
                         {"planned_ops_per_s", part.rate},
                         {"seconds", part.report.seconds},
                         {"throughput", ThroughputJson(part.report)},
                         {"latency", LatenciesJson(part.report)},
                         {"trouble", TroubleJson(part.report)},
                         {"cpu", CpuJson(part.report)},
                         {"verify", VerifyJson(part.report.verify)},
                         {"exit_code", static_cast<int>(part.report.exit_code)}};
  json::array problems;
  for (const std::string& problem : part.report.problems) problems.emplace_back(problem);
  object["problems"] = std::move(problems);
  if (part.report.proxy) object["proxy"] = ProxyJson(*part.report.proxy);
  if (part.report.kill) object["kill_cmd"] = KillJson(*part.report.kill);
  if (!part.report.agents.empty()) object["agents"] = AgentsJson(part.report);
  if (campaign.kind == CampaignReport::Kind::kFindMax) object["passed"] = part.passed;
  return object;
}

void AddCampaign(const CampaignReport& campaign, json::object& root) {
  json::array parts;
  for (const CampaignPart& part : campaign.parts) parts.push_back(PartJson(campaign, part));
  switch (campaign.kind) {
    case CampaignReport::Kind::kSteps:
      root["steps"] = std::move(parts);
      return;
    case CampaignReport::Kind::kPhases:
      root["phases"] = std::move(parts);
      return;
    case CampaignReport::Kind::kFindMax:
      break;
  }
  root["find_max"] = {{"slo", campaign.slo},
                      {"ops_per_s", campaign.best_rate},
                      {"failed_ops_per_s", campaign.failed_rate},
                      {"converged", campaign.converged},
                      {"generator_bound", campaign.generator_bound},
                      {"attempts", std::move(parts)}};
}

}  // namespace

std::string RenderJson(const Config& config, const RunReport& report) {
  json::array problems;
  for (const std::string& problem : report.problems) problems.emplace_back(problem);
  json::object root = {{"tool", "topgun-loadgen"},
                       {"run", RunName(report.run)},
                       {"scenario", config.scenario},
                       {"parameters", ParametersJson(DescribeConfig(config))},
                       {"machine", ParametersJson(DescribeMachine())},
                       {"seconds", report.seconds},
                       {"interrupted", report.interrupted},
                       {"throughput", ThroughputJson(report)},
                       {"acked_by_level", LevelsJson(report.whole)},
                       {"latency", LatenciesJson(report)},
                       {"schedule", ScheduleJson(config, report)},
                       {"trouble", TroubleJson(report)},
                       {"cpu", CpuJson(report)},
                       {"verify", VerifyJson(report.verify)},
                       {"server", ServerJson(report)},
                       {"series", SeriesJson(report)},
                       {"agents", AgentsJson(report)},
                       {"thresholds", ThresholdsJson(report)},
                       {"comparison", ComparisonJson(report)},
                       {"verdict",
                        {{"valid", report.valid && report.unreachable.empty()},
                         {"passed", report.exit_code == kExitOk},
                         {"text", VerdictText(config, report)}}},
                       {"exit_code", static_cast<int>(report.exit_code)},
                       {"problems", problems}};
  if (report.merkle) {
    root["merkle"] = MerkleJson(*report.merkle);
    root["latency"].as_object()["sync"] = LatencyJson(report.merkle->duration);
  }
  if (report.proxy) root["proxy"] = ProxyJson(*report.proxy);
  if (report.kill) root["kill_cmd"] = KillJson(*report.kill);
  if (report.fleet) root["fleet"] = FleetJson(*report.fleet);
  if (report.campaign) AddCampaign(*report.campaign, root);
  return json::serialize(root) + "\n";
}

}  // namespace topgun::loadgen
