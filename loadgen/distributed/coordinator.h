// The agents that drive runs together, from the first run to the last: each keeps its call open
// meanwhile, so that nobody else gets between two steps of a search. One run is SharedRun's
// business.
//
// Lives on the main thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config.h"
#include "distributed/agent_link.h"
#include "distributed/patience.h"
#include "report/run_report.h"
#include "stats/interval.h"

namespace topgun::loadgen {

class Coordinator {
 public:
  // `arguments`: the command line without the program's name, which every agent reads. `observer`
  // may be null. All must outlive the coordinator.
  Coordinator(const DistributedConfig& distributed, std::vector<std::string> arguments,
              const std::atomic<bool>& interrupted, RunObserver* observer,
              const Patience& patience = {});

  uint32_t id() const { return id_; }
  // One run, with its verdict. After an agent was lost the others are of no use any more.
  RunReport Execute(const NamedConfig& run);

 private:
  const std::vector<std::string> arguments_;
  const std::atomic<bool>& interrupted_;
  RunObserver* const observer_;
  const Patience patience_;
  const uint32_t id_;
  std::vector<std::unique_ptr<AgentLink>> links_;
};

}  // namespace topgun::loadgen
