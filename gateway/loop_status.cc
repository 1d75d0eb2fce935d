// What /debug/status and the status page show of a loop. Read on the loop, between two of its
// turns.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/connection.h"
#include "loop.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

// Longer lists would hold up the loop.
constexpr size_t kMapsMax = 100;

json::object Connections(const ConnectionTable& table) {
  size_t writing = 0;
  size_t refused = 0;
  table.ForEach([&](Connection& connection) {
    if (!connection.writes().idle()) ++writing;
    if (connection.writes().has_lost()) ++refused;
  });
  return {{"open", table.size()}, {"with_unacknowledged", writing}, {"with_refused", refused}};
}

// The maps that most connections subscribe.
json::object Subscriptions(const FanOut& fan_out) {
  std::vector<std::pair<size_t, std::string>> maps;
  fan_out.ForEachMap([&](const std::string& map) {
    size_t connections = 0;
    fan_out.ForEachSubscriber(map, [&](Connection&) { ++connections; });
    maps.emplace_back(connections, map);
  });
  const size_t total = maps.size();
  std::sort(maps.rbegin(), maps.rend());
  maps.resize(std::min(maps.size(), kMapsMax));
  json::array shown;
  for (const auto& [connections, map] : maps) {
    shown.push_back({{"map", map}, {"connections", connections}});
  }
  return {{"maps", total}, {"most_subscribed", std::move(shown)}};
}

json::array Lanes(const ApplyClient& apply) {
  json::array lanes;
  for (const ShardLane& lane : apply.lanes()) {
    const ShardLane::State state = lane.state();
    lanes.push_back({{"shard", state.shard},
                     {"replica", json::string_view(state.replica.data(), state.replica.size())},
                     {"filling_ops", state.filling_ops},
                     {"waiting_parts", state.waiting_parts},
                     {"in_flight_parts", state.in_flight_parts},
                     {"committed_parts", state.committed_parts},
                     {"persisting_parts", state.persisting_parts}});
  }
  return lanes;
}

json::array Replicas(const ReplicaSet& replicas) {
  json::array shown;
  for (const auto& replica : replicas.all()) {
    shown.push_back(
        {{"address", replica->address()}, {"up", replica->up()}, {"listed", replica->listed()}});
  }
  return shown;
}

}  // namespace

void Loop::ReadStatus(std::function<void(std::string json)> done) {
  boost::asio::post(io_, [this, done = std::move(done)] { done(StatusJson()); });
}

void Loop::ReadSummary(std::function<void(std::string json)> done) {
  boost::asio::post(io_, [this, done = std::move(done)] {
    done(json::serialize(json::object{{"lanes", Lanes(apply_)},
                                      {"replicas", Replicas(replicas_)},
                                      {"draining", table_.draining()}}));
  });
}

void Loop::ListMaps(MapListing::Done done) {
  boost::asio::post(io_, [this, done = std::move(done)] { map_listing_.List(done); });
}

std::string Loop::StatusJson() const {
  return json::serialize(json::object{{"connections", Connections(table_)},
                                      {"subscriptions", Subscriptions(fan_out_)},
                                      {"inflight_bytes", apply_.inflight_bytes()},
                                      {"lanes", Lanes(apply_)},
                                      {"replicas", Replicas(replicas_)},
                                      {"draining", table_.draining()}});
}

}  // namespace topgun::gateway
