#include "report/measured_json.h"

#include <array>
#include <utility>

#include <boost/json.hpp>

#include "wire/op.h"

namespace topgun::loadgen {
namespace {

namespace json = boost::json;

double Us(int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000.0; }

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

}  // namespace

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
          {"reordered_on_purpose", whole.frames_reordered},
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

json::array AgentsJson(const RunReport& report) {
  json::array agents;
  for (const AgentSummary& agent : report.agents) {
    agents.push_back({{"name", agent.name},
                      {"ops_acked", agent.ops_acked},
                      {"acked_ops_per_s", agent.acked_ops_per_s},
                      {"ack_p99", Us(agent.ack_p99_ns)},
                      {"busiest_thread", agent.busiest_thread},
                      {"late_share", agent.late_share},
                      {"work", agent.work}});
  }
  return agents;
}

}  // namespace topgun::loadgen
