#include "http/admin_cluster.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/hash.h"
#include "dispatch/cluster_map.h"
#include "http/admin_json.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

std::string AddressOf(const ClusterNode& node) {
  return node.url.empty() ? node.host + ":" + std::to_string(node.port) : node.url;
}

std::string_view Name(NodeHealth health) {
  switch (health) {
    case NodeHealth::kHealthy:
      return "healthy";
    case NodeHealth::kSuspect:
      return "suspect";
    case NodeHealth::kDead:
      return "dead";
  }
  return "";
}

json::object NodeObject(const Member& member, size_t partitions, int64_t now_ms) {
  const NodeReport& report = member.row.report;
  const int64_t up_ms = std::max<int64_t>(0, now_ms - report.started_ms);
  const bool dead = member.health == NodeHealth::kDead;
  return {{"nodeId", ReadableText(member.row.node.id)},
          {"address", ReadableText(AddressOf(member.row.node))},
          {"status", Name(member.health)},
          {"partitionCount", partitions},
          {"connections", dead ? 0 : report.connections},
          {"memory", dead ? 0 : report.memory_bytes},
          {"uptime", dead ? 0 : up_ms / 1000}};
}

}  // namespace

json::object ClusterStatusOf(std::span<const Member> members, int64_t now_ms) {
  std::vector<ClusterNode> live;
  for (const Member& member : members) {
    if (member.health != NodeHealth::kDead) live.push_back(member.row.node);
  }
  std::vector<size_t> owned(live.size());
  json::array partitions;
  for (const Assignment& partition : AssignPartitions(live)) {
    ++owned[partition.owner];
    partitions.push_back(json::object{{"id", partitions.size()},
                                      {"ownerNodeId", ReadableText(live[partition.owner].id)}});
  }
  json::array nodes;
  size_t next = 0;
  for (const Member& member : members) {
    const size_t count = member.health == NodeHealth::kDead ? 0 : owned[next++];
    nodes.push_back(NodeObject(member, count, now_ms));
  }
  return {{"nodes", std::move(nodes)},
          {"partitions", std::move(partitions)},
          {"totalPartitions", crdt::kPartitionCount},
          {"isRebalancing", false}};
}

void MountClusterEndpoints(Router& router, const AdminAccess& access, const Membership& membership,
                           const WallClock& clock) {
  router.Add({.method = "GET",
              .path = "/api/admin/cluster/status",
              .summary = "Gateways of the cluster and the owners of its partitions",
              .admin = true,
              .responses = {{200, "nodes, partitions, totalPartitions, isRebalancing"}}},
             access.Guard([&membership, &clock](const RoutedRequest&, const Respond& respond) {
               respond(JsonResponse(200, ClusterStatusOf(membership.Members(), clock.NowMs())));
             }));
}

}  // namespace topgun::gateway
