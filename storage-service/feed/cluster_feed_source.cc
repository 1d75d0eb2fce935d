#include "feed/cluster_feed_source.h"

#include <algorithm>
#include <memory>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/await.h"
#include "feed_replies.h"
#include "state/keys.h"

namespace topgun::storage {
namespace {

using redis::Reply;
using redis::ReplyView;

// What a flush may wait for its entries when nothing came before.
constexpr std::chrono::milliseconds kIdlePause{20};

}  // namespace

ClusterFeedSource::ClusterFeedSource(redis::Client& client, std::string_view prefix,
                                     uint32_t shard_count) {
  for (uint32_t shard = 0; shard < shard_count; ++shard) {
    const std::string key = state::ShardKeys(prefix, shard, shard_count).feed();
    feeds_.push_back({client.AddRoute(key), key});
  }
}

awaitable<StatusOr<FeedReply>> ClusterFeedSource::Read(std::vector<FeedPoint> points,
                                                       uint32_t count,
                                                       std::chrono::milliseconds block) {
  const std::shared_ptr<Replies> replies = co_await ReadAll(points, count);
  FeedReply out;
  Status failure = Unavailable("no feed was asked for");
  bool any_read = false;
  for (size_t i = 0; i < points.size(); ++i) {
    const StatusOr<Reply>& reply = (*replies)[i];
    if (!reply.ok()) {
      failure = reply.status();
      continue;
    }
    any_read = true;
    const ReplyView streams(reply->get());  // nil: nothing new
    if (streams.size() == 1) out.chunks.push_back(ParseChunk(points[i], streams[0][1]));
  }
  if (!any_read) co_return failure;
  if (out.chunks.empty()) {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer pause(executor, std::min(block, kIdlePause));
    co_await pause.async_wait(boost::asio::use_awaitable);
  }
  out.owner = replies;
  co_return out;
}

awaitable<std::shared_ptr<ClusterFeedSource::Replies>> ClusterFeedSource::ReadAll(
    const std::vector<FeedPoint>& points, uint32_t count) {
  const auto replies = std::make_shared<Replies>();
  const auto open = std::make_shared<size_t>(1);  // also the sending itself
  const std::string count_text = std::to_string(count);
  auto start = [&, this](const std::function<void(bool)>& done) {
    const auto finish_one = [open, done] {
      if (--*open == 0) done(true);
    };
    for (size_t i = 0; i < points.size(); ++i) {
      replies->emplace_back(Unavailable("the feed's Redis is not connected"));
      const Feed& feed = feeds_[points[i].shard];
      if (!feed.route.connected()) continue;
      ++*open;
      feed.route.Send(
          {"XREAD", "COUNT", count_text, "STREAMS", feed.key, state::ToString(points[i].after)},
          [replies, i, finish_one](StatusOr<Reply> reply) {
            (*replies)[i] = std::move(reply);
            finish_one();
          });
    }
    finish_one();
  };
  co_await Await<bool>(start);
  co_return replies;
}

}  // namespace topgun::storage
