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
  const int64_t now_ms = clock_.NowMs();
  ClusterMap next = MakeClusterMap(rows, now_ms);
  if (next.Find(self_.id) == nullptr) {
    cut_off_ = map_.version > 0;
    return false;
  }
  if (std::exchange(cut_off_, false)) trusted_from_ms_ = now_ms + kNodeTtlMs;
  if (now_ms < trusted_from_ms_) return false;
  return Adopt(std::move(next));
}

bool ClusterView::Adopt(ClusterMap next) {
  // A row that lives again after it had expired takes its expiry back; clients must still see a
  // newer version, because the nodes are others.
  if (next.nodes != map_.nodes) next.version = std::max(next.version, map_.version + 1);
  if (next.version <= map_.version) return false;
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
