#include "dispatch/partition_map.h"

#include <string_view>
#include <vector>

#include "crdt/hash.h"
#include "wire/server_encode.h"

namespace topgun::gateway {
namespace {

std::string_view SchemeOf(const UpgradeRequest& request) {
  return request.secure ? "wss://" : "ws://";
}

std::string_view PathOf(const UpgradeRequest& request) {
  return request.target == "/" ? std::string_view() : std::string_view(request.target);
}

// "localhost" of "localhost:8080", "[::1]" of "[::1]:8080".
std::string_view HostNameOf(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
  return has_port ? authority.substr(0, colon) : authority;
}

std::string Bracketed(const std::string& host) {
  const bool is_v6 = host.find(':') != std::string::npos && host.front() != '[';
  return is_v6 ? "[" + host + "]" : host;
}

}  // namespace

std::string UrlOf(const UpgradeRequest& request) {
  std::string url(SchemeOf(request));
  url.append(request.host).append(PathOf(request));
  return url;
}

std::string UrlFor(const ClusterNode& node, const ClusterNode& self,
                   const UpgradeRequest& request) {
  if (!node.url.empty()) return node.url;
  if (node.id == self.id && !request.host.empty()) return UrlOf(request);
  std::string url(SchemeOf(request));
  if (node.host == self.host && !request.host.empty()) {
    url.append(HostNameOf(request.host));
  } else {
    url.append(Bracketed(node.host));
  }
  return url.append(":").append(std::to_string(node.port)).append(PathOf(request));
}

void EncodePartitionMapFor(const UpgradeRequest& request, const ClusterMap& map,
                           const ClusterNode& self, int64_t now_ms, std::string& out) {
  std::vector<std::string> urls;  // what the frame points into
  urls.reserve(map.nodes.size());
  wire::PartitionMapFrame frame;
  frame.version = map.version;
  frame.partition_count = crdt::kPartitionCount;
  frame.generated_at = static_cast<double>(now_ms);
  for (const ClusterNode& node : map.nodes) {
    const std::string& url = urls.emplace_back(UrlFor(node, self, request));
    frame.nodes.push_back({.node_id = node.id, .websocket = url, .http = {}, .status = "ACTIVE"});
  }
  const std::vector<Assignment> assignments = AssignPartitions(map.nodes);
  for (uint32_t id = 0; id < assignments.size(); ++id) {
    wire::Partition& partition = frame.partitions.emplace_back();
    partition.id = id;
    partition.owner = map.nodes[assignments[id].owner].id;
    if (assignments[id].backup) partition.backups.push_back(map.nodes[*assignments[id].backup].id);
  }
  wire::EncodePartitionMap(frame, out);
}

}  // namespace topgun::gateway
