#include "report/json_report.h"

#include <array>
#include <boost/json.hpp>

#include "report/banner.h"
#include "report/campaign_report.h"
#include "report/client_sections.h"
#include "report/tables.h"
#include "wire/op.h"

namespace topgun::loadgen {
namespace {

namespace json = boost::json;

double Us(int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000.0; }

json::object LatencyJson(const Histogram& histogram) {
  return {{"count", histogram.count()},
          {"mean", histogram.Mean() / 1000.0},
          {"p50", Us(histogram.Percentile(50))},
          {"p90", Us(histogram.Percentile(90))},
          {"p95", Us(histogram.Percentile(95))},
          {"p99", Us(histogram.Percentile(99))},
          {"p99_9", Us(histogram.Percentile(99.9))},
          {"p99_99", Us(histogram.Percentile(99.99))},
          {"max", Us(histogram.max())}};
}

json::object ParametersJson(const Parameters& parameters) {
  json::object object;
  for (const auto& [name, value] : parameters) object[name] = value;
  return object;
}

json::object ThroughputJson(const RunReport& report) {
  const RunStats& window = report.window;
  return {{"ops_acked", window.ops_acked},
          {"ops_sent", window.ops_sent},
          {"ops_resent", window.ops_resent},
          {"acked_ops_per_s", report.PerSecond(window.ops_acked)},
          {"frames_sent_per_s", report.PerSecond(window.frames_sent)},
          {"frames_received_per_s", report.PerSecond(window.frames_received)},
          {"bytes_sent_per_s", report.PerSecond(window.bytes_sent)},
          {"bytes_received_per_s", report.PerSecond(window.bytes_received)},
          {"events_received_per_s", report.PerSecond(window.events_received)},
          {"query_updates_received_per_s", report.PerSecond(window.query_updates_received)},
          {"queries_answered", window.queries_answered},
          {"queries_per_s", report.PerSecond(window.queries_answered)},
          {"query_rows", window.query_rows}};
}

// Without what was not measured: an operation that no one made has no latency.
template <size_t kSize, typename Name>
json::object LatenciesBy(const std::array<Histogram, kSize>& histograms, Name name) {
  json::object object;
  for (size_t i = 0; i < kSize; ++i) {
    if (histograms[i].count() > 0) object[name(i)] = LatencyJson(histograms[i]);
  }
  return object;
}

// By the names of --mix.
std::string TypeName(size_t kind) {
  constexpr std::array<const char*, kOpKinds> kNames = {"put", "remove", "or-add", "or-remove"};
  return kNames[kind];
}

std::string LevelKey(size_t level) {
  return level == kLevelNone ? "none"
                             : std::string(wire::Name(static_cast<wire::WriteConcern>(level)));
}

json::object LatencyByType(const RunStats& stats) {
  json::object types = LatenciesBy(stats.ack_by_kind, TypeName);
  if (stats.query_latency.count() > 0) types["query"] = LatencyJson(stats.query_latency);
  return types;
}

json::object UncorrectedByType(const RunStats& stats) {
  return LatenciesBy(stats.ack_sent_by_kind, TypeName);
}

json::object LatencyByLevel(const RunStats& stats) {
  return LatenciesBy(stats.ack_by_level, LevelKey);
}

json::object LatenciesJson(const RunReport& report) {
  return {{"unit", "us"},
          {"ack", LatencyJson(report.measured.ack_latency)},
          {"ack_uncorrected", LatencyJson(report.measured.ack_latency_sent)},
          {"propagation", LatencyJson(report.measured.propagation)},
          {"by_type", LatencyByType(report.measured)},
          {"uncorrected_by_type", UncorrectedByType(report.measured)},
          {"by_level", LatencyByLevel(report.measured)},
          {"query_uncorrected", LatencyJson(report.measured.query_latency_sent)},
          {"connect", LatencyJson(report.whole.ready_latency)},
          {"open", LatencyJson(report.whole.connect_latency)},
          {"auth", LatencyJson(report.whole.auth_latency)},
          {"answer", LatencyJson(report.whole.answer_latency)},
          {"pong", LatencyJson(report.window.pong_latency)}};
}

json::object ScheduleJson(const Config& config, const RunReport& report) {
  return {{"planned_ops_per_s", config.load.rate},
          {"lag", LatencyJson(report.window.schedule_lag)},
          {"late_share", report.LateShare()},
          {"frames_late", report.window.frames_late},
          {"frames_dropped", report.window.frames_dropped}};
}

json::object TroubleJson(const RunReport& report) {
  const RunStats& whole = report.whole;
  json::object errors;
  for (const auto& [code, count] : whole.errors) errors[std::to_string(code)] = count;
  json::object close_reasons;
  for (const auto& [reason, times] : whole.close_reasons) close_reasons[reason] = times;
  return {{"errors", errors},
          {"close_reasons", close_reasons},
          {"closes", whole.closes},
          {"broken_on_purpose", whole.breaks},
          {"slow_readers_closed", whole.slow_reader_closes},
          {"reconnects", whole.reconnects},
          {"ops_refused", whole.ops_refused},
          {"ops_unacked", report.unacked_ops},
          {"queries_failed", whole.queries_failed},
          {"queries_unanswered", report.unanswered_queries},
          {"undecodable_frames", whole.undecodable_frames},
          {"last_error", whole.last_error}};
}

json::object LevelsJson(const RunStats& stats) {
  json::object levels;
  for (size_t level = 0; level < kLevels; ++level) {
    levels[LevelKey(level)] = stats.acked_by_level[level];
  }
  return levels;
}

json::object CpuJson(const RunReport& report) {
  const auto ops = static_cast<double>(report.WorkDone());
  const auto usage = [ops](double cpu_us) {
    return json::object{{"cpu_us", cpu_us}, {"us_per_op", ops > 0 ? cpu_us / ops : 0}};
  };
  json::object processes;
  for (const ProcessCpuMeter::Usage& process : report.processes) {
    if (process.cpu_us) processes[process.name] = usage(static_cast<double>(*process.cpu_us));
  }
  processes["loadgen"] = usage(report.generator_cpu_us);
  return {{"processes", processes}, {"busiest_thread", report.busiest_thread}};
}

json::value VerifyJson(const std::optional<VerifyReport>& verify) {
  if (!verify) return nullptr;
  json::array examples;
  for (const std::string& example : verify->examples) examples.emplace_back(example);
  return {{"passed", verify->passed()},
          {"acked_ops", verify->acked_ops},
          {"keys_checked", verify->keys_checked},
          {"tags_checked", verify->tags_checked},
          {"missing", verify->missing},
          {"stale", verify->stale},
          {"resurrected", verify->resurrected},
          {"lww_proof", verify->lww_proof},
          {"or_proof", verify->or_proof},
          {"live_rows_checked", verify->live_rows_checked},
          {"live_proof", verify->live_proof},
          {"incomplete", verify->incomplete},
          {"examples", examples}};
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

json::array AgentsJson(const RunReport& report) {
  json::array agents;
  for (const AgentSummary& agent : report.agents) {
    agents.push_back({{"name", agent.name},
                      {"ops_acked", agent.ops_acked},
                      {"acked_ops_per_s", agent.acked_ops_per_s},
                      {"ack_p99", Us(agent.ack_p99_ns)},
                      {"busiest_thread", agent.busiest_thread},
                      {"late_share", agent.late_share}});
  }
  return agents;
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
  if (report.fleet) root["fleet"] = FleetJson(*report.fleet);
  if (report.campaign) AddCampaign(*report.campaign, root);
  return json::serialize(root) + "\n";
}

}  // namespace topgun::loadgen
