// MapSync: roots that nobody asked for. Changes were missed, or came as rows before the client
// received records; the client compares the root with its own and walks what differs.
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "dispatch/connection.h"
#include "dispatch/fan_out.h"
#include "dispatch/map_sync.h"

namespace topgun::gateway {

void MapSync::OfferRoot(Connection& connection, state::CellKind kind, const std::string& map) {
  probe_.HealsSent(1);
  Enqueue(connection, {kind, map},
          {.type = Request::Type::kRoot, .connection = connection.id(), .path = {}, .keys = {}});
}

void MapSync::OnLive(Connection& connection, const std::string& map) {
  for (const state::CellKind kind : {state::CellKind::kLww, state::CellKind::kOr}) {
    const auto topic = topics_.find(MapKey{kind, map});
    if (topic == topics_.end()) continue;
    const auto follower = topic->second.followers.find(&connection);
    if (follower == topic->second.followers.end() || !follower->second.readable) continue;
    OfferRoot(connection, kind, map);
  }
}

void MapSync::Heal() {
  if (!std::exchange(heal_wanted_, true)) {
    heal_at_ = std::chrono::steady_clock::now() + options_.heal_delay;
  }
}

void MapSync::Tick(Time now) {
  if (heal_wanted_ && now >= heal_at_) {
    heal_wanted_ = false;
    std::set<MapKey> maps(to_heal_.begin(), to_heal_.end());
    for (const auto& [key, topic] : topics_) {
      if (!topic.followers.empty()) maps.insert(key);
    }
    context_->fan_out.ForEachMap([&maps](const std::string& map) {
      maps.emplace(state::CellKind::kLww, map);
      maps.emplace(state::CellKind::kOr, map);
    });
    to_heal_.assign(maps.begin(), maps.end());
  }
  StartHeals();
}

void MapSync::StartHeals() {
  for (size_t i = 0; i < options_.heals_per_tick && !to_heal_.empty(); ++i) {
    const MapKey key = std::move(to_heal_.front());
    to_heal_.pop_front();
    Topic& topic = topics_[key];
    topic.waiting.push_back({.type = Request::Type::kHeal,
                             .connection = {},
                             .received_ms = clock_.NowMs(),
                             .path = {},
                             .keys = {}});
    StartRead(key, topic);
  }
}

// Subscribers that did not sync the map may hold it as the other kind: they are told of trees that
// have something.
void MapSync::SendHeals(const MapKey& key, const Topic& topic, uint32_t hash, int64_t at_ms) {
  std::set<Connection*> told;
  for (const auto& [connection, following] : topic.followers) {
    if (following.readable) told.insert(connection);
  }
  if (hash != 0) {
    context_->fan_out.ForEachSubscriber(
        key.second, [&told](Connection& connection) { told.insert(&connection); });
  }
  for (Connection* const connection : told) SendRoot(*connection, key, hash, at_ms, false);
  probe_.HealsSent(told.size());
}

}  // namespace topgun::gateway
