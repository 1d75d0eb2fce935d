// FeedSource over one Redis primary: XREAD with BLOCK on a connection of its own, because a blocked
// connection answers nothing else.
//
// Threads: the loop's. The client belongs to the application and outlives the source.
#pragma once

#include <string>
#include <vector>

#include "redis/client.h"
#include "shard/io.h"

namespace topgun::storage {

class RedisFeedSource final : public FeedSource {
 public:
  // Adds a route to the client; all keys are where it leads.
  RedisFeedSource(redis::Client& client, std::string_view prefix, uint32_t shard_count);

  awaitable<StatusOr<FeedReply>> Read(std::vector<FeedPoint> points, uint32_t count,
                                      std::chrono::milliseconds block) override;

 private:
  redis::Route& route_;
  std::vector<std::string> feeds_;  // by shard
};

}  // namespace topgun::storage
