// topgun-loadgen: drives a TopGun cluster with the client protocol and reports what it did.
#include <atomic>
#include <csignal>
#include <cstdio>
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
#include "merkle/merkle_run.h"
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

template <typename Driver>
RunReport Execute(const Config& config, Driver& driver) {
  if (!config.output.quiet) {
    std::fputs((RenderBanner(config, driver.id()) + "\n").c_str(), stderr);
  }
  return driver.Execute();
}

template <typename Driver>
RunReport Drive(const Config& config) {
  Driver driver(config, interrupted);
  return Execute(config, driver);
}

RunReport DriveScenario(const Config& config, const std::vector<std::string>& arguments,
                        Outputs& outputs) {
  if (!config.distributed.agents.empty()) {
    Coordinator coordinator(config, arguments, interrupted, &outputs);
    return Execute(config, coordinator);
  }
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
  Run run(config, interrupted, &outputs);
  return Execute(config, run);
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
  const auto drive = [&](const Config& one) { return DriveScenario(one, arguments, outputs); };
  RunReport report = config.plan.several_runs()
                         ? Campaign(config, phases, interrupted, drive).Execute()
                         : drive(config);
  if (const Status told = outputs.Finish(&report); !told.ok()) {
    return Fail(told, report.exit_code == kExitOk ? kExitErrors : report.exit_code);
  }
  return report.exit_code;
}

}  // namespace
}  // namespace topgun::loadgen

int main(int argc, char** argv) {
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
