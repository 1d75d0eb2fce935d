// A run that several agents drive together: shares it out, starts all at once, merges what they
// report, and judges the whole as if one generator had done it.
//
// Lives on the main thread. An agent that cannot be reached, refuses, dies, falls silent or ends
// early ends the run for all; the report then says which and why, and holds what the agents had
// counted.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config.h"
#include "distributed/agent_link.h"
#include "distributed/patience.h"
#include "driver/kill_loop.h"
#include "fleet/memory_samples.h"
#include "report/run_report.h"
#include "scrape/server_meter.h"
#include "stats/interval.h"
#include "stats/process_cpu.h"

namespace topgun::loadgen {

class SharedRun {
 public:
  // `arguments`: the command line that the options of `run` win over. `observer` may be null. All
  // must outlive the run.
  SharedRun(const NamedConfig& run, const std::vector<std::string>& arguments,
            const std::vector<std::unique_ptr<AgentLink>>& links, const Patience& patience,
            const std::atomic<bool>& interrupted, RunObserver* observer);

  RunReport Execute();

 private:
  struct Member {
    AgentLink* link = nullptr;
    AgentLink::News news;  // the latest; its intervals are moved to `pending`
    RunStats pending;      // not told to the observer yet
    Interval last;         // without stats
    RunStats counted;      // in intervals, for an agent that dies
    bool failed = false;
  };
  enum class Metering : uint8_t { kBefore, kNow, kAfter };

  bool PrepareAll(RunReport* report);
  bool AwaitConnected(RunReport* report);
  void RunAll(RunReport* report);
  // Tells the observer what all agents did since the last call.
  void TellProgress(bool all);
  // Takes the news of every agent; false when one has failed.
  bool TakeNews(RunReport* report);
  // What has become of the agent; an error when it is lost to the run.
  Status FateOf(const Member& member) const;
  // Reads the meters, and lets the kill command run, while load is measured.
  void Meter(RunReport* report);
  void StopAll();
  void Conclude(RunReport* report);

  const Config& config_;
  const std::vector<std::string>& overrides_;
  const std::vector<std::string>& arguments_;
  const Patience& patience_;
  const std::atomic<bool>& interrupted_;
  RunObserver* const observer_;

  ProcessCpuMeter processes_;
  ServerMeter servers_;
  Metering metering_ = Metering::kBefore;
  MemorySamples memory_;           // of the same processes, when the scenario is about it
  std::optional<KillLoop> kills_;  // with --kill-cmd, which runs here
  std::vector<Member> members_;
  bool started_ = false;
  bool stopped_ = false;
  int64_t start_ns_ = 0;
  int64_t told_ns_ = 0;
};

}  // namespace topgun::loadgen
