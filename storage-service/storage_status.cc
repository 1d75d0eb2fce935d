// What /debug/status shows of the service. Read on the loop, between two of its turns.
#include <boost/json.hpp>
#include <string>
#include <utility>

#include "storage_app.h"

namespace topgun::storage {
namespace {

namespace json = boost::json;

json::object StateOf(uint32_t number, const ShardOwner& shard, int64_t now_ms) {
  const int64_t oldest_ms = shard.oldest_unflushed_ms();
  return {{"shard", number},
          {"open", shard.open()},
          {"draining", shard.draining()},
          {"persisted", ToString(shard.position())},
          {"read", ToString(shard.read_position())},
          {"queued_batches", shard.queued_batches()},
          {"lag_ms", oldest_ms == 0 ? 0 : now_ms - oldest_ms}};
}

}  // namespace

std::string StorageApp::StatusJson() const {
  json::array shards;
  for (const auto& [number, shard] : manager_.shards()) {
    shards.push_back(StateOf(number, *shard, clock_.NowMs()));
  }
  return json::serialize(json::object{{"shards", std::move(shards)},
                                      {"unflushed_bytes", context_.unflushed_bytes},
                                      {"redis_up", redis_up_.load()},
                                      {"postgres_up", postgres_up_.load()},
                                      {"ready", ready_.load()},
                                      {"draining", draining_.load()}});
}

}  // namespace topgun::storage
