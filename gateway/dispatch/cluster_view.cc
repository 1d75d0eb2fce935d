#include "dispatch/cluster_view.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "dispatch/partition_map.h"

namespace topgun::gateway {

ClusterView::ClusterView(ClusterOptions options, const WallClock& clock)
    : membership_(options.membership), clock_(clock), self_(std::move(options.self)) {
  Listening(self_.port);
}

void ClusterView::Listening(uint16_t port) {
  self_.port = port;
  if (!membership_) map_ = {.version = 1, .nodes = {self_}};
}

bool ClusterView::Update(std::span<const NodeRow> rows) {
  ClusterMap next = MakeClusterMap(rows);
  if (next.Find(self_.id) == nullptr || next.nodes == map_.nodes) return false;
  // Two changes of the same millisecond: clients must see a newer version for the second as well.
  next.version = std::max(next.version, map_.version + 1);
  map_ = std::move(next);
  frames_.clear();
  return true;
}

SharedBytes ClusterView::FrameFor(const UpgradeRequest& request) {
  const std::string url = UrlOf(request);
  if (const auto found = frames_.find(url); found != frames_.end()) return found->second;
  if (frames_.size() == kFramesMax) frames_.clear();
  std::string frame;
  EncodePartitionMapFor(request, map_, self_, clock_.NowMs(), frame);
  return frames_[url] = std::make_shared<const std::string>(std::move(frame));
}

}  // namespace topgun::gateway
