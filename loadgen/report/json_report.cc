#include "report/json_report.h"

#include <array>
#include <boost/json.hpp>
#include <cstdio>

#include "report/banner.h"
#include "report/client_sections.h"
#include "wire/op.h"
#include "workload/identity.h"

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

// By the names of --mix; without what was not measured.
json::object LatencyByType(const RunStats& stats) {
  constexpr std::array<const char*, kOpKinds> kNames = {"put", "remove", "or-add", "or-remove"};
  json::object types;
  for (size_t kind = 0; kind < kOpKinds; ++kind) {
    if (stats.ack_by_kind[kind].count() > 0) {
      types[kNames[kind]] = LatencyJson(stats.ack_by_kind[kind]);
    }
  }
  if (stats.query_latency.count() > 0) types["query"] = LatencyJson(stats.query_latency);
  return types;
}

json::object LatenciesJson(const RunReport& report) {
  return {{"unit", "us"},
          {"ack", LatencyJson(report.measured.ack_latency)},
          {"ack_uncorrected", LatencyJson(report.measured.ack_latency_sent)},
          {"propagation", LatencyJson(report.measured.propagation)},
          {"by_type", LatencyByType(report.measured)},
          {"query_uncorrected", LatencyJson(report.measured.query_latency_sent)},
          {"connect", LatencyJson(report.whole.ready_latency)},
          {"answer", LatencyJson(report.whole.answer_latency)},
          {"pong", LatencyJson(report.window.pong_latency)}};
}

json::object ScheduleJson(const Config& config, const RunReport& report) {
  return {{"planned_ops_per_s", config.load.rate},
          {"lag", LatencyJson(report.window.schedule_lag)},
          {"late_share", report.LateShare()},
          {"frames_dropped", report.window.frames_dropped}};
}

json::object TroubleJson(const RunReport& report) {
  const RunStats& whole = report.whole;
  json::object errors;
  for (const auto& [code, count] : whole.errors) errors[std::to_string(code)] = count;
  return {{"errors", errors},
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
  for (size_t level = 0; level < kLevelNone; ++level) {
    levels[wire::Name(static_cast<wire::WriteConcern>(level))] = stats.acked_by_level[level];
  }
  levels["none"] = stats.acked_by_level[kLevelNone];
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

}  // namespace

std::string RenderJson(const Config& config, const RunReport& report) {
  std::string run_id(6, '0');
  WriteHex(report.run, run_id.size(), run_id.data());
  json::array problems;
  for (const std::string& problem : report.problems) problems.emplace_back(problem);
  json::object root = {{"tool", "topgun-loadgen"},
                       {"run", run_id},
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
                       {"exit_code", static_cast<int>(report.exit_code)},
                       {"problems", problems}};
  if (report.merkle) {
    root["merkle"] = MerkleJson(*report.merkle);
    root["latency"].as_object()["sync"] = LatencyJson(report.merkle->duration);
  }
  if (report.fleet) root["fleet"] = FleetJson(*report.fleet);
  return json::serialize(root) + "\n";
}

Status WriteFile(const std::string& path, const std::string& content) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return InvalidArgument("cannot write " + path);
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  if (std::fclose(file) != 0 || !written) return InvalidArgument("cannot write " + path);
  return OkStatus();
}

}  // namespace topgun::loadgen
