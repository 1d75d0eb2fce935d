#include "report/summary.h"

#include <array>

#include "report/client_sections.h"
#include "report/text.h"
#include "wire/op.h"

namespace topgun::loadgen {
namespace {

constexpr size_t kNameWidth = 29;
constexpr size_t kNumberWidth = 11;

std::string Row(const std::string& name, const std::string& value) {
  return "  " + PadRight(name, kNameWidth) + value + "\n";
}

std::string PercentileHeader() {
  std::string row = "  " + PadRight("Latency in ms", kNameWidth);
  for (const char* name : {"p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"}) {
    row += PadLeft(name, kNumberWidth);
  }
  return row + "\n";
}

std::string PercentileRow(const std::string& name, const Histogram& histogram) {
  if (histogram.count() == 0) return {};
  std::string row = "  " + PadRight(name, kNameWidth);
  for (const double percent : {50.0, 90.0, 95.0, 99.0, 99.9, 99.99}) {
    row += PadLeft(Millis(histogram.Percentile(percent)), kNumberWidth);
  }
  return row + PadLeft(Millis(histogram.max()), kNumberWidth) + "\n";
}

std::string LatencyTable(const Config& config, const RunReport& report) {
  std::string text = "\n" + PercentileHeader();
  if (config.load.open_loop()) {
    text += PercentileRow("ack, from planned time", report.measured.ack_latency);
    text += PercentileRow("ack, uncorrected", report.measured.ack_latency_sent);
    text += PercentileRow("schedule lag", report.window.schedule_lag);
  } else {
    text += PercentileRow("ack", report.measured.ack_latency);
  }
  text += PercentileRow("propagation", report.measured.propagation);
  if (report.merkle) text += PercentileRow("sync", report.merkle->duration);
  if (report.fleet) text += PercentileRow("connect", report.whole.connect_latency);
  text += PercentileRow("connect to ready", report.whole.ready_latency);
  text += PercentileRow("connect to answer", report.whole.answer_latency);
  return text + PercentileRow("ping to pong", report.window.pong_latency);
}

std::string ThroughputTable(const Config& config, const RunReport& report) {
  const RunStats& window = report.window;
  std::string text = Row("acknowledged ops/s", Grouped(report.PerSecond(window.ops_acked)) +
                                                   "   (" + Grouped(window.ops_acked) + " in " +
                                                   Fixed(report.seconds, 1) + " s)");
  if (config.load.open_loop()) {
    text += Row("planned ops/s", Grouped(config.load.rate) + "   (" +
                                     Fixed(100 * report.LateShare(), 2) + " % of frames late)");
  }
  text += Row("frames/s sent, received", Grouped(report.PerSecond(window.frames_sent)) + ", " +
                                             Grouped(report.PerSecond(window.frames_received)));
  text += Row("bytes/s sent, received", Bytes(report.PerSecond(window.bytes_sent)) + ", " +
                                            Bytes(report.PerSecond(window.bytes_received)));
  if (window.ops_resent > 0) {
    text += Row("ops/s sent again", Grouped(report.PerSecond(window.ops_resent)));
  }
  if (window.events_received > 0) {
    text += Row("events/s received", Grouped(report.PerSecond(window.events_received)) +
                                         ", query updates/s " +
                                         Grouped(report.PerSecond(window.query_updates_received)));
  }
  return text;
}

// What the run was about.
std::string ResultTable(const Config& config, const RunReport& report) {
  if (report.merkle) return MerkleTable(*report.merkle);
  if (report.fleet) return FleetTable(*report.fleet, report.seconds);
  return ThroughputTable(config, report);
}

std::string LevelsRow(const RunStats& stats) {
  std::string levels;
  for (size_t level = 0; level < kLevels; ++level) {
    if (stats.acked_by_level[level] == 0) continue;
    const std::string name = level == kLevelNone
                                 ? "none named"
                                 : std::string(wire::Name(static_cast<wire::WriteConcern>(level)));
    levels += (levels.empty() ? "" : ", ") + name + " " + Grouped(stats.acked_by_level[level]);
  }
  return levels.empty() ? levels : Row("acknowledged at level", levels);
}

std::string TroubleTable(const RunReport& report) {
  const RunStats& whole = report.whole;
  std::string errors;
  for (const auto& [code, count] : whole.errors) {
    errors += (errors.empty() ? "" : ", ") + std::to_string(code) + ": " + Grouped(count);
  }
  std::string text = Row("errors by code", errors.empty() ? "none" : errors);
  text += Row("closes, reconnects", Grouped(whole.closes) + ", " + Grouped(whole.reconnects));
  if (whole.breaks > 0) text += Row("broken or left on purpose", Grouped(whole.breaks));
  if (whole.slow_reader_closes > 0) {
    text += Row("slow readers closed", Grouped(whole.slow_reader_closes));
  }
  text += Row("ops refused, unacknowledged",
              Grouped(whole.ops_refused) + ", " + Grouped(report.unacked_ops));
  if (!whole.last_error.empty()) text += Row("last error", whole.last_error);
  return text;
}

const char* UnitOf(const RunReport& report) {
  return report.merkle ? "us/sync" : report.fleet ? "us/client" : "us/op";
}

std::string CpuTable(const RunReport& report) {
  const auto ops = static_cast<double>(report.WorkDone());
  const auto per_op = [&](double cpu_us) {
    return ops == 0 ? std::string("-") : Fixed(cpu_us / ops, 2);
  };
  std::string text = "\n  " + PadRight("CPU", kNameWidth) + PadLeft(UnitOf(report), kNumberWidth) +
                     PadLeft("cores", kNumberWidth) + "\n";
  double total_us = report.generator_cpu_us;
  const auto row = [&](const std::string& name, double cpu_us) {
    text += "  " + PadRight(name, kNameWidth) + PadLeft(per_op(cpu_us), kNumberWidth) +
            PadLeft(Fixed(cpu_us / 1e6 / report.seconds, 2), kNumberWidth) + "\n";
  };
  for (const ProcessCpuMeter::Usage& process : report.processes) {
    if (process.cpu_us) {
      row(process.name, static_cast<double>(*process.cpu_us));
      total_us += static_cast<double>(*process.cpu_us);
    } else {
      text += "  " + PadRight(process.name, kNameWidth) + PadLeft("gone", kNumberWidth) + "\n";
    }
  }
  row("loadgen", report.generator_cpu_us);
  if (!report.processes.empty()) row("all", total_us);
  return text;
}

std::string VerifyTable(const VerifyReport& verify) {
  std::string text =
      "\n  Verification " + std::string(verify.passed() ? "passed" : "FAILED") + "\n";
  text += Row("acknowledged ops", Grouped(verify.acked_ops));
  text += Row("LWW keys, OR tags checked",
              Grouped(verify.keys_checked) + ", " + Grouped(verify.tags_checked));
  text +=
      Row("missing, stale, resurrected", Grouped(verify.missing) + ", " + Grouped(verify.stale) +
                                             ", " + Grouped(verify.resurrected));
  if (!verify.lww_proof.empty()) text += Row("LWW maps read by", verify.lww_proof);
  if (!verify.or_proof.empty()) text += Row("OR maps read by", verify.or_proof);
  if (!verify.incomplete.empty()) text += Row("incomplete", verify.incomplete);
  for (const std::string& example : verify.examples) text += "    " + example + "\n";
  return text;
}

}  // namespace

std::string RenderProgress(const ProgressLine& line, const RunStats& stats) {
  const auto per_second = [&](uint64_t count) {
    return Grouped(static_cast<double>(count) / line.interval_s);
  };
  std::string text = PadRight(line.phase, 8) + PadLeft(Fixed(line.elapsed_s, 0), 4) + " s" +
                     PadLeft(per_second(stats.ops_acked), 10) + " ops/s" +
                     PadLeft(per_second(stats.frames_sent), 8) + " frames/s  p50 " +
                     PadLeft(Millis(stats.ack_latency.Percentile(50)), 8) + "  p99 " +
                     PadLeft(Millis(stats.ack_latency.Percentile(99)), 8) + " ms  unacked" +
                     PadLeft(Grouped(line.unacked_ops), 9);
  if (stats.propagation.count() > 0) {
    text += "  propagation p99 " + Millis(stats.propagation.Percentile(99)) + " ms";
  }
  if (stats.ErrorCount() > 0) text += "  errors " + Grouped(stats.ErrorCount());
  if (stats.ops_refused > 0) text += "  refused " + Grouped(stats.ops_refused);
  if (stats.closes > 0) text += "  closes " + Grouped(stats.closes);
  if (stats.reconnects > 0) text += "  reconnects " + Grouped(stats.reconnects);
  return text + "\n";
}

std::string RenderSummary(const Config& config, const RunReport& report) {
  std::string text;
  if (report.unreachable.empty()) {
    text += "\nResult" + std::string(report.interrupted ? " (interrupted)" : "") + "\n";
    text += ResultTable(config, report) + LevelsRow(report.whole) + TroubleTable(report);
    text += LatencyTable(config, report) + CpuTable(report);
    if (report.verify) text += VerifyTable(*report.verify);
  }
  text += "\n";
  for (const std::string& problem : report.problems) text += "  ! " + problem + "\n";
  return text + (report.exit_code == kExitOk ? "OK\n" : "FAILED\n");
}

}  // namespace topgun::loadgen
