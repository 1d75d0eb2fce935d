// A run from connecting to the verdict: connect, preload, warm up, measure, cool down, drain,
// verify.
//
// Lives on the main thread, which sleeps between the intervals, collects what the workers counted
// and tells the observer.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "config.h"
#include "driver/run_context.h"
#include "driver/worker.h"
#include "report/run_report.h"
#include "stats/interval.h"

namespace topgun::loadgen {

class Run {
 public:
  // `interrupted` may be set by a signal handler: the run then ends early, with its report.
  // `observer` may be null; all must outlive the run.
  Run(const Config& config, const std::atomic<bool>& interrupted, RunObserver* observer = nullptr);

  uint32_t id() const { return context_.run(); }
  RunReport Execute();

 private:
  // What a phase has collected so far.
  struct Phase {
    const char* name = "";
    RunStats stats;
    int64_t start_ns = 0;
    int64_t last_interval_ns = 0;
    int64_t end_ns = INT64_MAX;  // as planned
  };

  bool ConnectAll(RunReport* report);
  void Preload(RunReport* report);
  void WarmUp(RunReport* report);
  void StartWriting(const Phase& phase);
  void Measure(RunReport* report);
  void StopWriting();
  void CoolDown(RunReport* report);
  void Drain(RunReport* report);
  void AwaitSightings(Phase* phase);
  void Check(RunReport* report);
  void CheckLive(const Ledger& ledger, VerifyReport* report) const;

  Phase Begin(const char* name) const;
  // Sleeps until the time or the next interval, whichever is first; collects at the interval.
  void Step(int64_t until_ns, Phase* phase);
  // Takes what the workers counted and tells the observer. Returns the CPU time of each so far.
  std::vector<int64_t> Collect(Phase* phase);
  Worker::State TotalState();

  const Config& config_;
  const std::atomic<bool>& interrupted_;
  RunObserver* const observer_;
  const int64_t interval_ns_;  // between two looks at the workers
  const RunContext context_;
  int64_t start_ns_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace topgun::loadgen
