#include "distributed/share.h"

#include <algorithm>

namespace topgun::loadgen {
namespace {

// The first agents take what cannot be divided.
template <typename T>
T ShareOf(T whole, uint32_t index, uint32_t agents) {
  return whole / agents + (index < whole % agents ? 1 : 0);
}

}  // namespace

Status CheckShareable(const Config& config, uint32_t agents) {
  if (config.load.connections < agents) {
    return InvalidArgument("--agents: " + std::to_string(agents) + " agents need at least " +
                           std::to_string(agents) + " --connections");
  }
  if (config.verify.watches() && config.clients.subscribers < agents) {
    return InvalidArgument("--verify with live queries needs a subscriber for every agent: " +
                           std::to_string(agents) + " --subscribers");
  }
  if (config.verify.inject_loss > 0) {
    return InvalidArgument("--inject-loss is for a single generator, without --agents");
  }
  return OkStatus();
}

void TakeShare(uint32_t index, uint32_t agents, Config* config) {
  const uint32_t all_connections = config->load.connections;
  config->load.connections = ShareOf(all_connections, index, agents);
  config->load.threads = std::min(config->load.threads, config->load.connections);
  const double share = static_cast<double>(config->load.connections) / all_connections;
  config->load.rate *= share;
  if (config->load.ramp) config->load.ramp = config->load.ramp->Times(share);
  // No agent may be left without operations: 0 would mean no limit.
  if (config->load.ops > 0) {
    config->load.ops = std::max<uint64_t>(1, ShareOf(config->load.ops, index, agents));
  }
  config->faults.disconnect_rate /= agents;
  config->faults.proxy.cut_rate /= agents;
  config->faults.kill_command.clear();
  config->clients.connect_rate *= share;
  config->clients.subscribers = ShareOf(config->clients.subscribers, index, agents);
  const uint32_t maps_min = config->data.map_type == MapType::kMixed ? 2 : 1;
  config->data.maps = std::max(maps_min, ShareOf(config->data.maps, index, agents));
  config->data.map_prefix += "-a" + std::to_string(index);
  config->data.seed += uint64_t{index} * 1'000'000'007;
  config->output = {};
  config->output.quiet = true;
  config->distributed = {};
}

}  // namespace topgun::loadgen
