#include "feed/redis_feed_source.h"

#include <algorithm>

#include "async/await.h"
#include "feed_replies.h"
#include "state/keys.h"

namespace topgun::storage {
namespace {

using redis::Reply;
using redis::ReplyView;

}  // namespace

RedisFeedSource::RedisFeedSource(redis::Client& client, std::string_view prefix,
                                 uint32_t shard_count)
    : route_(client.AddRoute(state::ShardKeys(prefix, 0, shard_count).feed())) {
  for (uint32_t shard = 0; shard < shard_count; ++shard) {
    feeds_.push_back(state::ShardKeys(prefix, shard, shard_count).feed());
  }
}

awaitable<StatusOr<FeedReply>> RedisFeedSource::Read(std::vector<FeedPoint> points, uint32_t count,
                                                     std::chrono::milliseconds block) {
  const std::string count_text = std::to_string(count);
  const std::string block_text = std::to_string(block.count());
  std::vector<std::string_view> args = {"XREAD", "COUNT",    count_text,
                                        "BLOCK", block_text, "STREAMS"};
  std::vector<std::string> ids;
  for (const FeedPoint& point : points) {
    args.push_back(feeds_[point.shard]);
    ids.push_back(state::ToString(point.after));
  }
  args.insert(args.end(), ids.begin(), ids.end());
  auto start = [&, this](redis::Route::Callback done) {
    route_.SendBlocking(args, block, std::move(done));
  };
  StatusOr<Reply> reply = co_await Await<StatusOr<Reply>>(start);
  if (!reply.ok()) co_return reply.status();

  FeedReply out;
  const ReplyView streams(reply->get());
  for (size_t i = 0; i < streams.size(); ++i) {
    const auto point = std::find_if(points.begin(), points.end(), [&](const FeedPoint& asked) {
      return feeds_[asked.shard] == streams[i][0].str();
    });
    if (point != points.end()) out.chunks.push_back(ParseChunk(*point, streams[i][1]));
  }
  out.owner = std::shared_ptr<redisReply>(std::move(*reply));
  co_return out;
}

}  // namespace topgun::storage
