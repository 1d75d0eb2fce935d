// topgun-loadgen: drives a TopGun cluster with the client protocol and reports what it did.
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config.h"
#include "distributed/agent_main.h"
#include "distributed/coordinator.h"
#include "driver/campaign.h"
#include "driver/file_limit.h"
#include "driver/run.h"
#include "fleet/connect_storm.h"
#include "fleet/idle_fleet.h"
#include "memory/trimmer.h"
#include "merkle/merkle_run.h"
#include "metrics/registry.h"
#include "options/scenario.h"
#include "report/banner.h"
#include "report/live_metrics.h"
#include "report/outputs.h"
#include "rpc/tls_settings.h"

namespace topgun::loadgen {
namespace {

// Lock-free, so a signal handler may set it.
std::atomic<bool> interrupted{false};

// The first interrupt ends the run with its report, a second one ends the process.
void OnInterrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

int Fail(const Status& status, int exit_code) {
  std::fprintf(stderr, "topgun-loadgen: %s\n", std::string(Message(status)).c_str());
  return exit_code;
}

void PrintBanner(const Config& config, uint32_t id) {
  if (config.output.quiet) return;
  std::fputs((RenderBanner(config, id) + "\n").c_str(), stderr);
}

template <typename Driver, typename... More>
RunReport Drive(const Config& config, More... more) {
  Driver driver(config, interrupted, more...);
  PrintBanner(config, driver.id());
  return driver.Execute();
}

// By this process alone.
RunReport DriveScenario(const Config& config, Outputs& outputs) {
  switch (FindScenario(config.scenario)->kind) {
    case ScenarioKind::kMerkle:
      return Drive<MerkleRun>(config);
    case ScenarioKind::kIdle:
      return Drive<IdleFleet>(config);
    case ScenarioKind::kStorm:
      return Drive<ConnectStorm>(config);
    case ScenarioKind::kLoad:
      break;
  }
  return Drive<Run>(config, &outputs);
}

RunReport DriveAll(const Config& config, const std::vector<NamedConfig>& phases,
                   const std::vector<std::string>& arguments, Outputs& outputs) {
  std::optional<Coordinator> coordinator;
  if (!config.distributed.agents.empty()) {
    coordinator.emplace(config.distributed, arguments, interrupted, &outputs);
  }
  const auto drive = [&](const NamedConfig& run) {
    if (!coordinator) return DriveScenario(run.config, outputs);
    PrintBanner(run.config, coordinator->id());
    return coordinator->Execute(run);
  };
  return config.plan.several_runs() ? Campaign(config, phases, interrupted, drive).Execute()
                                    : drive({"", config, {}});
}

int RunLoad(const Config& config, const std::vector<NamedConfig>& phases,
            const std::vector<std::string>& arguments) {
  // A coordinator has no connections of its own.
  const bool drives = config.distributed.agents.empty();
  const Status prepared =
      drives ? RaiseFileLimit(config) : rpc::CheckTls(config.distributed.tls, {}, {});
  if (!prepared.ok()) return Fail(prepared, kExitUsage);
  std::signal(SIGINT, OnInterrupt);
  std::signal(SIGTERM, OnInterrupt);
  std::signal(SIGPIPE, SIG_IGN);

  Outputs outputs(config);
  if (const Status opened = outputs.Open(); !opened.ok()) return Fail(opened, kExitUsage);
  RunReport report = DriveAll(config, phases, arguments, outputs);
  if (const Status told = outputs.Finish(&report); !told.ok()) {
    return Fail(told, report.exit_code == kExitOk ? kExitErrors : report.exit_code);
  }
  return report.exit_code;
}

}  // namespace
}  // namespace topgun::loadgen

int main(int argc, char** argv) {
  // What grows in half an hour of load is then the load's need, not the allocator's habit.
  topgun::metrics::Registry heap("topgun-loadgen");
  const topgun::memory::Trimmer trimmer(heap);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "agent") {
    return topgun::loadgen::AgentMain({arguments.begin() + 1, arguments.end()});
  }
  const auto parsed = topgun::loadgen::ParseConfig(argc, argv);
  if (!parsed.config) {
    std::fputs(parsed.text.c_str(), parsed.exit_code == 0 ? stdout : stderr);
    return parsed.exit_code;
  }
  if (parsed.config->output.print_metrics_doc) {
    std::fputs(topgun::loadgen::LiveMetricsDoc().c_str(), stdout);
    return topgun::loadgen::kExitOk;
  }
  return topgun::loadgen::RunLoad(*parsed.config, parsed.phases, arguments);
}
