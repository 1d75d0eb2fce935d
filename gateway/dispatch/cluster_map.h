// Which gateways form the cluster, as they publish it in the reserved map state::kNodeMap
// (core.md 8.5): the codec of a gateway's row, and the map that follows from all rows.
//
// Values and pure functions: gateways that have seen the same rows make the same map. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::gateway {

struct ClusterNode {
  std::string id;
  std::string host;  // that the other gateways' clients reach
  uint16_t port = 0;
  std::string url;  // for clients as it is; empty: made of host and port
  int64_t joined_ms = 0;

  friend bool operator==(const ClusterNode&, const ClusterNode&) = default;
};

// The value of a row: a MessagePack map. Its key is the node's id.
std::string EncodeNodeRow(const ClusterNode& node);
// Nothing when the value is not one. Unknown fields are for later versions.
std::optional<ClusterNode> DecodeNodeRow(std::string_view id, std::string_view value);

// One row of the map, also removed and expired ones.
struct NodeRow {
  std::string_view id;
  std::string_view value;  // empty: removed
  int64_t stamped_ms = 0;
  std::optional<double> ttl_ms;
};

struct ClusterMap {
  // The latest join, departure or expiry in ms: it grows with every change. 0: not known yet.
  int64_t version = 0;
  std::vector<ClusterNode> nodes;  // live ones, ascending by id

  const ClusterNode* Find(std::string_view id) const;
  friend bool operator==(const ClusterMap&, const ClusterMap&) = default;
};

ClusterMap MakeClusterMap(std::span<const NodeRow> rows, int64_t now_ms);

}  // namespace topgun::gateway
