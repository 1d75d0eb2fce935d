// FeedSource over Redis: XREAD with BLOCK on a connection of its own, because a blocked connection
// answers nothing else.
//
// Threads: the loop's. The connection belongs to the application and outlives the source.
#pragma once

#include <string>
#include <vector>

#include "redis/connection.h"
#include "shard/io.h"

namespace topgun::storage {

class RedisFeedSource final : public FeedSource {
 public:
  RedisFeedSource(redis::Connection& connection, std::string_view prefix, uint32_t shard_count);

  awaitable<StatusOr<FeedReply>> Read(std::vector<FeedPoint> points, uint32_t count,
                                      std::chrono::milliseconds block) override;

 private:
  redis::Connection& connection_;
  std::vector<std::string> feeds_;  // by shard
};

}  // namespace topgun::storage
