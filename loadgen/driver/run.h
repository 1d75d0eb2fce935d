// A run from connecting to the verdict: connect, preload, warm up, measure, cool down, drain,
// verify.
//
// Lives on the main thread, which sleeps between the intervals and collects what the workers
// counted. Progress lines go to stderr unless the config says quiet.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "config.h"
#include "driver/run_context.h"
#include "driver/worker.h"
#include "report/run_report.h"

namespace topgun::loadgen {

class Run {
 public:
  // `interrupted` may be set by a signal handler: the run then ends early, with its report.
  Run(const Config& config, const std::atomic<bool>& interrupted);

  uint32_t id() const { return context_.run(); }
  RunReport Execute();

 private:
  // What a phase has collected so far.
  struct Phase {
    const char* name = "";
    RunStats stats;
    int64_t start_ns = 0;
    int64_t last_interval_ns = 0;
  };

  bool ConnectAll(RunReport* report);
  void Preload(RunReport* report);
  void WarmUp(RunReport* report);
  void StartWriting(const Phase& phase);
  void Measure(RunReport* report);
  void StopWriting();
  void CoolDown(RunReport* report);
  void Drain(RunReport* report);
  void AwaitSightings();
  void Check(RunReport* report);
  void CheckLive(const Ledger& ledger, VerifyReport* report) const;

  Phase Begin(const char* name) const;
  // Sleeps until the time or the next interval, whichever is first; collects at the interval.
  void Step(int64_t until_ns, Phase* phase);
  void Collect(Phase* phase, bool print);
  Worker::State TotalState();
  std::vector<int64_t> TakeCpu(RunStats* stats);

  const Config& config_;
  const std::atomic<bool>& interrupted_;
  const RunContext context_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace topgun::loadgen
