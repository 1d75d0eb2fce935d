#include "distributed/coordinator.h"

#include <random>
#include <utility>

#include "distributed/shared_run.h"
#include "workload/identity.h"

namespace topgun::loadgen {

Coordinator::Coordinator(const DistributedConfig& distributed, std::vector<std::string> arguments,
                         const std::atomic<bool>& interrupted, RunObserver* observer,
                         const Patience& patience)
    : arguments_(std::move(arguments)),
      interrupted_(interrupted),
      observer_(observer),
      patience_(patience),
      id_(std::random_device{}() & kRunIdMax) {
  const rpc::Credentials credentials = rpc::MakeCredentials(distributed.tls);
  for (const std::string& address : distributed.agents) {
    links_.push_back(std::make_unique<AgentLink>(address, credentials));
  }
}

RunReport Coordinator::Execute(const NamedConfig& run) {
  RunReport report =
      SharedRun(run, arguments_, links_, patience_, interrupted_, observer_).Execute();
  report.run = id_;
  return report;
}

}  // namespace topgun::loadgen
