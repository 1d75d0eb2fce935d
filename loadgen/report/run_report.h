// The outcome of a run, before it is printed. Plain data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config.h"
#include "driver/kill_report.h"
#include "exit_code.h"
#include "fleet/fleet_report.h"
#include "merkle/merkle_report.h"
#include "proxy/proxy_report.h"
#include "report/compare_report.h"
#include "report/series.h"
#include "report/threshold.h"
#include "scrape/server_meter.h"
#include "stats/process_cpu.h"
#include "stats/run_stats.h"
#include "verify/compare.h"

namespace topgun::loadgen {

// What one of several agents contributed.
struct AgentSummary {
  std::string name;
  uint64_t ops_acked = 0;
  double acked_ops_per_s = 0;
  int64_t ack_p99_ns = 0;
  double busiest_thread = 0;
  double late_share = 0;  // of its frames
  uint64_t work = 0;      // ops, syncs, clients served, or idle connections
};

struct CampaignReport;

struct RunReport {
  uint32_t run = 0;
  bool interrupted = false;
  std::string unreachable;   // why no run took place; empty when one did
  double seconds = 0;        // of the measurement
  RunStats window;           // counted while measuring: throughput
  RunStats measured;         // and while draining: latency of everything that was sent
  RunStats whole;            // with connecting and warm-up: errors, closes, reconnects
  uint64_t unacked_ops = 0;  // after draining
  uint64_t unanswered_queries = 0;
  double busiest_thread = 0;    // share of one core used by the generator's busiest thread
  double generator_cpu_us = 0;  // all threads, while measuring
  std::vector<ProcessCpuMeter::Usage> processes;
  ServerReport server;  // with --metrics
  std::optional<VerifyReport> verify;
  std::optional<MerkleReport> merkle;  // of the merkle scenarios
  std::optional<FleetReport> fleet;    // of idle and connect-storm
  std::optional<ProxyReport> proxy;    // with --proxy-fault
  std::optional<KillReport> kill;      // with --kill-cmd
  std::vector<SeriesPoint> series;
  // Of several runs in a row, of which this report is one; null for a single run.
  std::shared_ptr<const CampaignReport> campaign;
  std::vector<AgentSummary> agents;      // with --agents
  std::vector<std::string> lost_agents;  // that ended without a report, and why

  // Filled in by Judge().
  bool valid = true;  // false: the generator was the bottleneck, the figures are void
  ExitCode exit_code = kExitOk;
  std::vector<std::string> problems;

  // Filled in by JudgeLimits().
  std::vector<ThresholdResult> thresholds;
  std::optional<Comparison> comparison;

  double PerSecond(uint64_t count) const {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  }
  // What was done, in the unit of the scenario: acknowledged ops, syncs, or served connections.
  uint64_t WorkDone() const;
  double LateShare() const;
};

// Decides what the run is worth: fills in exit_code and, in words, problems.
void Judge(const Config& config, RunReport* report);
// The same for the fault proxy, when there was one. After Judge().
void JudgeProxy(RunReport* report);
// The same for --kill-cmd: a run that it did not disturb proves nothing. After Judge().
void JudgeKill(RunReport* report);
// The same for the --thresholds, and for `report->comparison` when there is one. After Judge().
void JudgeLimits(const std::vector<Threshold>& thresholds, RunReport* report);

}  // namespace topgun::loadgen
