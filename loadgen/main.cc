// topgun-loadgen: drives a TopGun cluster with the client protocol and reports what it did.
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "config.h"
#include "driver/run.h"
#include "fleet/connect_storm.h"
#include "fleet/idle_fleet.h"
#include "merkle/merkle_run.h"
#include "options/scenario.h"
#include "report/banner.h"
#include "report/json_report.h"
#include "report/summary.h"

namespace topgun::loadgen {
namespace {

// Lock-free, so a signal handler may set it.
std::atomic<bool> interrupted{false};

// The first interrupt ends the run with its report, a second one ends the process.
void OnInterrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

// Every connection is a file; the soft limit is often much lower than what is allowed.
Status RaiseFileLimit(const Config& config) {
  constexpr rlim_t kOwnFiles = 64;
  const rlim_t needed = rlim_t{config.load.connections} + config.clients.subscribers + kOwnFiles;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return OkStatus();
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= needed) return OkStatus();
  return InvalidArgument("--connections " + std::to_string(config.load.connections) + " needs " +
                         std::to_string(needed) + " open files, but the limit is " +
                         std::to_string(limit.rlim_max) +
                         ": raise it (ulimit -Hn as root, or LimitNOFILE) or use fewer");
}

template <typename Driver>
RunReport Drive(const Config& config) {
  Driver driver(config, interrupted);
  if (!config.output.quiet) {
    std::fputs((RenderBanner(config, driver.id()) + "\n").c_str(), stderr);
  }
  return driver.Execute();
}

RunReport DriveScenario(const Config& config) {
  switch (FindScenario(config.scenario)->kind) {
    case ScenarioKind::kMerkle:
      return Drive<MerkleRun>(config);
    case ScenarioKind::kIdle:
      return Drive<IdleFleet>(config);
    case ScenarioKind::kStorm:
      return Drive<ConnectStorm>(config);
    default:
      return Drive<Run>(config);
  }
}

int RunLoad(const Config& config) {
  if (const Status status = RaiseFileLimit(config); !status.ok()) {
    std::fprintf(stderr, "topgun-loadgen: %s\n", std::string(Message(status)).c_str());
    return kExitUsage;
  }
  std::signal(SIGINT, OnInterrupt);
  std::signal(SIGTERM, OnInterrupt);
  std::signal(SIGPIPE, SIG_IGN);

  const RunReport report = DriveScenario(config);
  std::fputs(RenderSummary(config, report).c_str(), stdout);
  if (!config.output.json_path.empty()) {
    const Status written = WriteFile(config.output.json_path, RenderJson(config, report));
    if (!written.ok()) {
      std::fprintf(stderr, "topgun-loadgen: %s\n", ToString(written).c_str());
      return kExitUsage;
    }
  }
  return report.exit_code;
}

}  // namespace
}  // namespace topgun::loadgen

int main(int argc, char** argv) {
  const auto parsed = topgun::loadgen::ParseConfig(argc, argv);
  if (!parsed.config) {
    std::fputs(parsed.text.c_str(), parsed.exit_code == 0 ? stdout : stderr);
    return parsed.exit_code;
  }
  return topgun::loadgen::RunLoad(*parsed.config);
}
