// A run that several agents drive together: shares it out, starts all at once, merges what they
// report, and judges the whole as if one generator had done it.
//
// Lives on the main thread. An agent that cannot be reached, refuses or dies ends the run for all;
// the report then says which and why, and holds what the agents had counted.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "config.h"
#include "distributed/agent_link.h"
#include "report/run_report.h"
#include "stats/interval.h"

namespace topgun::loadgen {

class Coordinator {
 public:
  // `arguments`: the command line without the program's name. All must outlive the coordinator.
  Coordinator(const Config& config, std::vector<std::string> arguments,
              const std::atomic<bool>& interrupted, RunObserver* observer);

  uint32_t id() const { return id_; }
  RunReport Execute();

 private:
  bool PrepareAll(RunReport* report);
  bool AwaitConnected(RunReport* report);
  void RunAll(RunReport* report);
  // Tells the observer what all agents did since the last call.
  void TellProgress(bool all);
  // Takes the news of every agent; false when one has failed.
  bool TakeNews(RunReport* report);
  void Meter(RunReport* report);
  void Fail(const std::string& address, const Status& status, RunReport* report);
  void StopAll();
  void Conclude(RunReport* report);

  const Config& config_;
  const std::vector<std::string> arguments_;
  const std::atomic<bool>& interrupted_;
  RunObserver* const observer_;
  const uint32_t id_;

  struct Member {
    std::unique_ptr<AgentLink> link;
    AgentLink::News news;  // the latest; its intervals are moved to `pending`
    RunStats pending;      // not told to the observer yet
    Interval last;         // without stats
    RunStats counted;      // in intervals, for an agent that dies
    bool failed = false;
  };
  enum class Metering : uint8_t { kBefore, kNow, kAfter };

  ProcessCpuMeter processes_;
  ServerMeter servers_;
  Metering metering_ = Metering::kBefore;
  std::vector<Member> members_;
  int64_t start_ns_ = 0;
  int64_t told_ns_ = 0;
};

}  // namespace topgun::loadgen
