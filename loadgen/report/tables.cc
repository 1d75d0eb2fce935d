#include "report/tables.h"

#include <array>

#include "report/client_sections.h"
#include "report/error_codes.h"
#include "report/kill_section.h"
#include "report/proxy_section.h"
#include "report/text.h"
#include "wire/op.h"

namespace topgun::loadgen {
namespace {

std::string LevelName(size_t level) {
  return level == kLevelNone ? "none named"
                             : std::string(wire::Name(static_cast<wire::WriteConcern>(level)));
}

void AddPercentiles(Table& table, const std::string& name, const Histogram& histogram) {
  if (histogram.count() == 0) return;
  std::vector<std::string>& row = table.rows.emplace_back();
  row.push_back(name);
  for (const double percent : {50.0, 90.0, 95.0, 99.0, 99.9, 99.99}) {
    row.push_back(Millis(histogram.Percentile(percent)));
  }
  row.push_back(Millis(histogram.max()));
}

// What the run was about.
Table Throughput(const RunReport& report) {
  if (report.merkle) return MerkleTable(*report.merkle);
  if (report.fleet) return FleetTable(*report.fleet, report.seconds);
  const RunStats& window = report.window;
  const auto per_second = [&](uint64_t count) { return Grouped(report.PerSecond(count)); };
  Table table{"Throughput", {}, {}, true};
  table.rows = {
      {"acknowledged ops/s", per_second(window.ops_acked) + "   (" + Grouped(window.ops_acked) +
                                 " in " + Fixed(report.seconds, 1) + " s)"},
      {"frames/s sent, received",
       per_second(window.frames_sent) + ", " + per_second(window.frames_received)},
      {"bytes/s sent, received", Bytes(report.PerSecond(window.bytes_sent)) + ", " +
                                     Bytes(report.PerSecond(window.bytes_received))}};
  if (window.ops_acked > 0) {
    const auto per_op = [&](uint64_t bytes) {
      return Fixed(static_cast<double>(bytes) / static_cast<double>(window.ops_acked), 1);
    };
    table.rows.push_back({"bytes/op sent, received",
                          per_op(window.bytes_sent) + ", " + per_op(window.bytes_received)});
  }
  if (window.ops_resent > 0) {
    table.rows.push_back({"ops/s sent again", per_second(window.ops_resent)});
  }
  if (window.queries_answered > 0) {
    table.rows.push_back({"queries/s answered", per_second(window.queries_answered) + "   (" +
                                                    Grouped(window.query_rows) + " rows)"});
  }
  if (window.events_received > 0) {
    table.rows.push_back({"events/s received", per_second(window.events_received) +
                                                   ", query updates/s " +
                                                   per_second(window.query_updates_received)});
  }
  std::string levels;
  for (size_t level = 0; level < kLevels; ++level) {
    const uint64_t count = report.whole.acked_by_level[level];
    if (count > 0) levels += (levels.empty() ? "" : ", ") + LevelName(level) + " " + Grouped(count);
  }
  if (!levels.empty()) table.rows.push_back({"acknowledged at level", levels});
  return table;
}

// Intended and achieved, and how well the generator kept its own times.
Table Schedule(const Config& config, const RunReport& report) {
  Table table{"Schedule", {}, {}, true};
  if (!config.load.open_loop()) return table;
  const RunStats& window = report.window;
  const double achieved = report.PerSecond(window.ops_acked);
  table.rows = {
      {"planned ops/s", Grouped(config.load.rate)},
      {"sent ops/s", Grouped(report.PerSecond(window.ops_sent))},
      {"acknowledged ops/s", Grouped(achieved) + "   (" +
                                 Fixed(100 * achieved / config.load.rate, 1) + " % of the plan)"},
      {"lag p99, max in ms",
       Millis(window.schedule_lag.Percentile(99)) + ", " + Millis(window.schedule_lag.max())},
      {"frames late, never sent", Grouped(window.frames_late) + " (" +
                                      Fixed(100 * report.LateShare(), 2) + " %), " +
                                      Grouped(window.frames_dropped)}};
  return table;
}

Table Latency(const Config& config, const RunReport& report) {
  Table table{"Latency in ms", {"p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"}, {}};
  const RunStats& measured = report.measured;
  const bool open = config.load.open_loop();
  AddPercentiles(table, open ? "ack, from planned time" : "ack", measured.ack_latency);
  if (open) AddPercentiles(table, "ack, uncorrected", measured.ack_latency_sent);
  for (size_t level = 0; level < kLevels; ++level) {
    AddPercentiles(table, "ack at " + LevelName(level), measured.ack_by_level[level]);
  }
  for (size_t kind = 0; kind < kOpKinds; ++kind) {
    const std::string name(wire::Name(static_cast<wire::OpKind>(kind)));
    AddPercentiles(table, "ack of " + name, measured.ack_by_kind[kind]);
    if (open) AddPercentiles(table, "  uncorrected", measured.ack_sent_by_kind[kind]);
  }
  AddPercentiles(table, open ? "query, from planned time" : "query", measured.query_latency);
  if (open) AddPercentiles(table, "query, uncorrected", measured.query_latency_sent);
  AddPercentiles(table, "schedule lag", report.window.schedule_lag);
  AddPercentiles(table, "propagation", measured.propagation);
  if (report.merkle) AddPercentiles(table, "sync", report.merkle->duration);
  AddPercentiles(table, "connect", report.whole.connect_latency);
  AddPercentiles(table, "authenticate", report.whole.auth_latency);
  AddPercentiles(table, "connect to ready", report.whole.ready_latency);
  AddPercentiles(table, "connect to answer", report.whole.answer_latency);
  AddPercentiles(table, "ping to pong", report.window.pong_latency);
  return table;
}

Table Trouble(const RunReport& report) {
  const RunStats& whole = report.whole;
  Table table{"Trouble", {}, {}, true};
  for (const auto& [code, count] : whole.errors) {
    table.rows.push_back({"ERROR " + std::to_string(code),
                          Grouped(count) + "   " + std::string(MeaningOfError(code))});
  }
  if (whole.errors.empty()) table.rows.push_back({"ERROR frames", "none"});
  for (const auto& [reason, count] : whole.close_reasons) {
    table.rows.push_back(
        {"closed: " + reason, Grouped(count) + "   " + std::string(MeaningOfClose(reason))});
  }
  table.rows.push_back(
      {"closes, reconnects", Grouped(whole.closes) + ", " + Grouped(whole.reconnects)});
  const auto add_any = [&table](const char* name, uint64_t count) {
    if (count > 0) table.rows.push_back({name, Grouped(count)});
  };
  add_any("broken or left on purpose", whole.breaks);
  add_any("frames sent out of order", whole.frames_reordered);
  add_any("slow readers closed", whole.slow_reader_closes);
  table.rows.push_back({"ops refused, unacknowledged",
                        Grouped(whole.ops_refused) + ", " + Grouped(report.unacked_ops)});
  if (whole.queries_failed + report.unanswered_queries > 0) {
    table.rows.push_back({"queries failed, unanswered", Grouped(whole.queries_failed) + ", " +
                                                            Grouped(report.unanswered_queries)});
  }
  if (!whole.last_error.empty()) table.rows.push_back({"last error", whole.last_error});
  return table;
}

Table Cpu(const RunReport& report) {
  const auto ops = static_cast<double>(report.WorkDone());
  const char* const unit = report.merkle ? "us/sync" : report.fleet ? "us/client" : "us/op";
  Table table{"CPU", {unit, "cores"}, {}};
  double total_us = report.generator_cpu_us;
  const auto add = [&](const std::string& name, double cpu_us) {
    table.rows.push_back({name, ops == 0 ? "-" : Fixed(cpu_us / ops, 2),
                          report.seconds > 0 ? Fixed(cpu_us / 1e6 / report.seconds, 2) : "-"});
  };
  for (const ProcessCpuMeter::Usage& process : report.processes) {
    if (process.cpu_us) {
      add(process.name, static_cast<double>(*process.cpu_us));
      total_us += static_cast<double>(*process.cpu_us);
    } else {
      table.rows.push_back({process.name, "gone", "-"});
    }
  }
  add("loadgen", report.generator_cpu_us);
  if (!report.processes.empty()) add("all", total_us);
  return table;
}

Table Services(const RunReport& report) {
  Table table{"Services", {"CPU us/op", "RSS", "growth", "per conn."}, {}};
  const double ops = static_cast<double>(report.window.ops_acked);
  const auto bytes = [](const std::optional<double>& value) {
    if (!value) return std::string("-");
    return *value < 0 ? "-" + Bytes(-*value) : Bytes(*value);
  };
  for (const ServerReport::Service& service : report.server.services) {
    if (!service.error.empty()) {
      table.rows.push_back({service.name, "none", "-", "-", "-"});
      continue;
    }
    const std::string name = service.name + (service.version.empty() ? "" : " " + service.version);
    table.rows.push_back(
        {name, service.cpu_seconds && ops > 0 ? Fixed(*service.cpu_seconds * 1e6 / ops, 2) : "-",
         bytes(service.resident_bytes), bytes(service.resident_growth_bytes),
         bytes(service.bytes_per_connection)});
  }
  return table;
}

Table ServerCounts(const RunReport& report) {
  Table table{"Work of the services", {"count", "per 1000 ops"}, {}};
  const double ops = static_cast<double>(report.window.ops_acked);
  for (const ServerReport::Count& count : report.server.counts) {
    table.rows.push_back(
        {count.name, Grouped(count.count), ops > 0 ? Fixed(count.count / ops * 1e3, 2) : "-"});
  }
  return table;
}

Table ServerLevels(const RunReport& report) {
  Table table{"Backlog of the services", {"start", "end"}, {}};
  for (const ServerReport::Level& level : report.server.levels) {
    const auto text = [&](double value) {
      return level.unit == "B" ? Bytes(value) : Fixed(value, 2) + " " + level.unit;
    };
    table.rows.push_back({level.name, text(level.start), text(level.end)});
  }
  return table;
}

Table Thresholds(const RunReport& report) {
  Table table{"Thresholds", {}, {}, true};
  for (const ThresholdResult& result : report.thresholds) {
    table.rows.push_back(
        {result.text, (result.passed ? "passed: " : "FAILED: ") + result.measured});
  }
  return table;
}

Table Compared(const RunReport& report) {
  if (!report.comparison) return {};
  Table table{
      "Compared with " + report.comparison->base_path, {"base", "now", "ratio", "verdict"}, {}};
  for (const Comparison::Row& row : report.comparison->rows) {
    const int digits = row.base < 100 ? 2 : 0;
    table.rows.push_back({row.name + " " + row.unit, Fixed(row.base, digits),
                          Fixed(row.now, digits), Fixed(row.ratio, 2),
                          row.regressed ? "WORSE" : "ok"});
  }
  return table;
}

Table Verification(const RunReport& report) {
  if (!report.verify) return {};
  const VerifyReport& verify = *report.verify;
  Table table{"Verification " + std::string(verify.passed() ? "passed" : "FAILED"), {}, {}, true};
  table.rows = {
      {"acknowledged ops", Grouped(verify.acked_ops)},
      {"LWW keys, OR tags checked",
       Grouped(verify.keys_checked) + ", " + Grouped(verify.tags_checked)},
      {"missing, stale, resurrected", Grouped(verify.missing) + ", " + Grouped(verify.stale) +
                                          ", " + Grouped(verify.resurrected)}};
  if (!verify.lww_proof.empty()) table.rows.push_back({"LWW maps read by", verify.lww_proof});
  if (!verify.or_proof.empty()) table.rows.push_back({"OR maps read by", verify.or_proof});
  if (!verify.live_proof.empty()) {
    table.rows.push_back(
        {"live rows checked", Grouped(verify.live_rows_checked) + ", by " + verify.live_proof});
  }
  if (!verify.incomplete.empty()) table.rows.push_back({"incomplete", verify.incomplete});
  for (const std::string& example : verify.examples) table.rows.push_back({"  finding", example});
  return table;
}

Table Agents(const RunReport& report) {
  if (report.merkle || report.fleet) return ClientAgentsTable(report);
  Table table{"Agents", {"acked ops", "ops/s", "p99 ms", "busiest", "late"}, {}};
  for (const AgentSummary& agent : report.agents) {
    table.rows.push_back({agent.name, Grouped(agent.ops_acked), Grouped(agent.acked_ops_per_s),
                          Millis(agent.ack_p99_ns), Fixed(100 * agent.busiest_thread, 0) + " %",
                          Fixed(100 * agent.late_share, 1) + " %"});
  }
  return table;
}

}  // namespace

std::vector<Table> ReportTables(const Config& config, const RunReport& report) {
  std::vector<Table> tables;
  for (Table& table :
       std::array{Throughput(report), Schedule(config, report), Trouble(report),
                  report.proxy ? ProxyTable(*report.proxy) : Table(),
                  report.kill ? KillTable(*report.kill) : Table(), Latency(config, report),
                  Cpu(report), Services(report), ServerCounts(report), ServerLevels(report),
                  Agents(report), Verification(report), Thresholds(report), Compared(report)}) {
    if (!table.rows.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

std::string VerdictText(const Config& config, const RunReport& report) {
  const std::string busiest =
      "its busiest thread used " + Fixed(100 * report.busiest_thread, 0) + " % of a core";
  if (!report.valid) {
    return "INVALID: the generator was the bottleneck (" + busiest + ", " +
           Fixed(100 * report.LateShare(), 2) + " % of the frames left over 10 ms late)";
  }
  if (!report.unreachable.empty()) return "INVALID: nothing was measured";
  if (config.load.open_loop()) {
    return "VALID: the generator kept its schedule (" + busiest + ", " +
           Fixed(100 * report.LateShare(), 2) + " % of the frames left late)";
  }
  if (report.merkle || report.fleet) return "VALID (" + busiest + ")";
  return "VALID: closed loop, as fast as the target and the generator together go (" + busiest +
         (report.busiest_thread > 0.9 ? "; it may limit the throughput, try --threads)" : ")");
}

}  // namespace topgun::loadgen
