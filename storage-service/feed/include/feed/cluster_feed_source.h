// FeedSource over a Redis Cluster: asks for the feeds one by one, all of them at once.
//
// A command may only name keys of one slot there, so the one XREAD for all feeds does not exist,
// and one that blocks for each would take a connection for each. So nothing blocks: every round
// sends an XREAD per feed to the node that has it, and a round that finds nothing waits a little
// before it ends. Feeds whose node is not connected are left out.
//
// Threads: the loop's. The client belongs to the application and outlives the source.
#pragma once

#include <string>
#include <vector>

#include "redis/client.h"
#include "shard/io.h"

namespace topgun::storage {

class ClusterFeedSource final : public FeedSource {
 public:
  // Adds the routes of all feeds to the client.
  ClusterFeedSource(redis::Client& client, std::string_view prefix, uint32_t shard_count);

  // UNAVAILABLE when no feed could be read.
  awaitable<StatusOr<FeedReply>> Read(std::vector<FeedPoint> points, uint32_t count,
                                      std::chrono::milliseconds block) override;

 private:
  struct Feed {
    redis::Route& route;
    std::string key;
  };
  // By point; a point that was left out has an error.
  using Replies = std::vector<StatusOr<redis::Reply>>;

  awaitable<std::shared_ptr<Replies>> ReadAll(const std::vector<FeedPoint>& points, uint32_t count);

  std::vector<Feed> feeds_;  // by shard
};

}  // namespace topgun::storage
