// The cluster as one loop shows it to its clients: the current map, and its frame per form of URL.
//
// Without membership a gateway stands for the whole cluster: version 1, one node, everything its
// own (core.md 8.4). With membership (8.5) the rows of state::kNodeMap decide, through Update().
// A gateway whose own row is not alive keeps the map it has: it is about to join, again.
//
// Owned by the loop, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/clock.h"
#include "dispatch/cluster_map.h"
#include "ws/outbound_queue.h"
#include "ws/session.h"

namespace topgun::gateway {

struct ClusterOptions {
  ClusterNode self;
  bool membership = false;  // one of several gateways that clients choose between
};

class ClusterView {
 public:
  // Forms of URLs whose frames are kept; clients of one cluster use a few.
  static constexpr size_t kFramesMax = 64;

  ClusterView(ClusterOptions options, const WallClock& clock);

  // Before anything else: where this gateway listens.
  void Listening(uint16_t port);
  // Membership only: all rows, at every change. True when the map has changed.
  bool Update(std::span<const NodeRow> rows);

  const ClusterMap& map() const { return map_; }
  const ClusterNode& self() const { return self_; }
  // Changes go to every connection, not only to those that have asked.
  bool pushes() const { return membership_; }

  // The PARTITION_MAP for clients that connected with this request. The map is known.
  SharedBytes FrameFor(const UpgradeRequest& request);

 private:
  const bool membership_;
  const WallClock& clock_;
  ClusterNode self_;
  ClusterMap map_;
  std::map<std::string, SharedBytes> frames_;  // by the URL of the client
};

}  // namespace topgun::gateway
