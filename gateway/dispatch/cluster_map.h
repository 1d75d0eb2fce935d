// Which gateways form the cluster, as they publish it in the reserved map state::kNodeMap
// (core.md 8.5): the codec of a gateway's row, and the map that follows from all rows.
//
// Values and pure functions: gateways that have seen the same rows make the same map, whatever
// their clocks say. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::gateway {

// What the partition map says about a gateway.
struct ClusterNode {
  std::string id;
  std::string host;  // that the other gateways' clients reach
  uint16_t port = 0;
  std::string url;  // for clients as it is; empty: made of host and port
  int64_t joined_ms = 0;

  friend bool operator==(const ClusterNode&, const ClusterNode&) = default;
};

// What a gateway tells of itself with every sign of life.
struct NodeReport {
  int64_t beat_ms = 0;  // its clock; a row that changes is alive, whatever the time in it
  int64_t started_ms = 0;
  uint64_t connections = 0;
  uint64_t memory_bytes = 0;  // resident

  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

enum class Departure : uint8_t { kNone, kLeft, kDead };

// One row of the map. A gateway that has gone keeps its row for a while.
struct NodeRow {
  ClusterNode node = {};
  NodeReport report = {};
  Departure departure = Departure::kNone;
  int64_t departed_ms = 0;  // after joined_ms

  bool alive() const { return departure == Departure::kNone; }
  friend bool operator==(const NodeRow&, const NodeRow&) = default;
};

// The value of a row: a MessagePack map. Its key is the node's id.
std::string EncodeNodeRow(const NodeRow& row);
// Nothing when the value is not one. Unknown fields are for later versions.
std::optional<NodeRow> DecodeNodeRow(std::string_view id, std::string_view value);

struct ClusterMap {
  // The latest join or departure; it grows with every change. 0: not known yet.
  int64_t version = 0;
  std::vector<ClusterNode> nodes;  // live ones, ascending by id

  const ClusterNode* Find(std::string_view id) const;
  friend bool operator==(const ClusterMap&, const ClusterMap&) = default;
};

ClusterMap MakeClusterMap(std::span<const NodeRow> rows);

// Who serves a partition: indices of nodes.
struct Assignment {
  size_t owner = 0;
  std::optional<size_t> backup;  // becomes the owner when the owner goes
};

// One per partition (core.md 8.1), none without nodes. By rendezvous hashing: a node that comes or
// goes moves only the partitions that it gets or had.
std::vector<Assignment> AssignPartitions(std::span<const ClusterNode> nodes);

}  // namespace topgun::gateway
