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
#include "memory/trimmer.h"
#include "metrics/registry.h"
#include "options/scenario.h"
#include "report/banner.h"
#include "report/live_metrics.h"
#include "report/outputs.h"
#include "report/phase_writer.h"
#include "rpc/tls_settings.h"
#include "scenario_run.h"

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

RunReport DriveAll(const Config& config, const std::vector<NamedConfig>& phases,
                   const std::vector<std::string>& arguments, Outputs& outputs) {
  // Progress is about operations; the other scenarios say themselves how they get on.
  const bool writes = FindScenario(config.scenario)->kind == ScenarioKind::kLoad;
  std::optional<PhaseWriter> phases_told;
  RunObserver* observer = &outputs;
  std::optional<Coordinator> coordinator;
  if (!config.distributed.agents.empty()) {
    if (!writes) observer = &phases_told.emplace(config);
    coordinator.emplace(config.distributed, arguments, interrupted, observer);
  }
  const auto drive = [&](const NamedConfig& run) {
    if (!coordinator) {
      return RunScenario(run.config, interrupted, writes ? &outputs : nullptr,
                         [&run](uint32_t id) { PrintBanner(run.config, id); });
    }
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
