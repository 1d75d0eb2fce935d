#include "http/admin_cluster.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "http/admin_json.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr size_t kPartitions = 271;  // core.md 8.1

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string AddressOf(const ClusterNode& node) {
  return node.url.empty() ? node.host + ":" + std::to_string(node.port) : node.url;
}

}  // namespace

json::object ClusterStatusOf(const ClusterMap& map, const ClusterNode& self,
                             const ServerReport& report, uint64_t memory_bytes, int64_t now_ms) {
  std::vector<size_t> owned(map.nodes.size());
  json::array partitions;
  for (size_t id = 0; id < kPartitions && !map.nodes.empty(); ++id) {
    const size_t owner = id % map.nodes.size();
    ++owned[owner];
    partitions.push_back(
        json::object{{"id", id}, {"ownerNodeId", ReadableText(map.nodes[owner].id)}});
  }
  json::array nodes;
  for (size_t i = 0; i < map.nodes.size(); ++i) {
    const ClusterNode& node = map.nodes[i];
    const bool here = node.id == self.id;
    const int64_t age_ms = node.joined_ms == 0 ? 0 : std::max<int64_t>(0, now_ms - node.joined_ms);
    nodes.push_back(json::object{
        {"nodeId", ReadableText(node.id)},
        {"address", ReadableText(AddressOf(node))},
        {"status", "healthy"},
        {"partitionCount", owned[i]},
        {"connections", here ? report.connections : 0},
        {"memory", here ? memory_bytes : 0},
        {"uptime", here ? report.uptime_seconds : static_cast<uint64_t>(age_ms / 1000)}});
  }
  return {{"nodes", std::move(nodes)},
          {"partitions", std::move(partitions)},
          {"totalPartitions", kPartitions},
          {"isRebalancing", false}};
}

void MountClusterEndpoints(Router& router, const AdminAccess& access, const ClusterView& cluster,
                           ServerReporter report, const WallClock& clock) {
  router.Add({.method = "GET",
              .path = "/api/admin/cluster/status",
              .summary = "Gateways of the cluster and the owners of its partitions",
              .admin = true,
              .responses = {{200, "nodes, partitions, totalPartitions, isRebalancing"}}},
             access.Guard([&cluster, &clock, report = std::move(report)](const RoutedRequest&,
                                                                         const Respond& respond) {
               respond(JsonResponse(200, ClusterStatusOf(cluster.map(), cluster.self(), report(),
                                                         ResidentBytes(), clock.NowMs())));
             }));
}

}  // namespace topgun::gateway
