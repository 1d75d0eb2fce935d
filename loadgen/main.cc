// topgun-loadgen: drives a TopGun cluster with the client protocol and reports what it did.
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "config.h"
#include "driver/run.h"
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
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int RunLoad(const Config& config) {
  RaiseFileLimit();
  std::signal(SIGINT, OnInterrupt);
  std::signal(SIGTERM, OnInterrupt);
  std::signal(SIGPIPE, SIG_IGN);

  Run run(config, interrupted);
  if (!config.output.quiet) {
    std::fputs((RenderBanner(config, run.id()) + "\n").c_str(), stderr);
  }
  const RunReport report = run.Execute();
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
