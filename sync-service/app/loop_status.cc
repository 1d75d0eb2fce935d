// What /debug/status shows of a loop. Read on the loop, between two of its turns.
#include <boost/json.hpp>
#include <string>
#include <utility>

#include "app/loop.h"

namespace topgun::sync {

namespace {

namespace json = boost::json;

json::object StateOf(Shard& shard) {
  const ShardFeed& feed = shard.feed();
  return {{"shard", shard.number()},
          {"open", shard.open()},
          {"position", ToString(feed.position())},
          {"persisted", ToString(feed.persisted())},
          {"unfinished_parts", shard.unfinished_parts()},
          {"unfinished_bytes", shard.unfinished_bytes()},
          {"committing", shard.busy()},
          {"cache_bytes", shard.cache_bytes()},
          {"ring_entries", feed.ring_entries()},
          {"ring_bytes", feed.ring_bytes()},
          {"listeners", feed.listener_count()}};
}

}  // namespace

void Loop::ReadStatus(std::function<void(std::string json)> done) {
  PostTask([this, done = std::move(done)] { done(StatusJson()); });
}

std::string Loop::StatusJson() const {
  json::array shards;
  for (const auto& shard : shards_) shards.push_back(StateOf(*shard));
  return json::serialize(json::object{{"shards", std::move(shards)},
                                      {"views", views_->size()},
                                      {"lock_lines", locks_->lines()},
                                      {"lock_waiters", locks_->waiters()},
                                      {"watchers", watchers_.size()},
                                      {"redis_connected", redis_->connected()}});
}

}  // namespace topgun::sync
