// What operators ask of a loop's connections. Everything here runs between two of its turns and is
// bounded, so that it does not hold up the others.
#include <boost/asio/post.hpp>
#include <utility>

#include "dispatch/connection.h"
#include "loop.h"

namespace topgun::gateway {
namespace {

constexpr size_t kSlotsPerTurn = 20'000;

ConnectionPage::Entry Describe(Connection& connection, size_t subscriptions, Loop::Time now) {
  const std::chrono::duration<double> age = now - connection.opened();
  return {.id = connection.id(),
          .address = connection.session().request().peer,
          .subject = connection.principal().user_id,
          .device = connection.device_id(),
          .authenticated = connection.authenticated(),
          .age_seconds = age.count(),
          .queued_bytes = connection.session().queued_bytes(),
          .subscriptions = subscriptions,
          .unacked_ops = connection.writes().unacked_ops(),
          .unacknowledged = !connection.writes().idle(),
          .backlog = connection.session().backlog(),
          .paused = connection.writes().paused(),
          .closing = connection.ended()};
}

}  // namespace

void Loop::ListConnections(ConnectionQuery query, std::function<void(ConnectionPage)> done) {
  boost::asio::post(io_, [this, query = std::move(query), done = std::move(done)] {
    const Time now = std::chrono::steady_clock::now();
    ConnectionPage page;
    page.next = table_.Walk(query.from, kSlotsPerTurn, [&](Connection& connection) {
      if (!query.subject.empty() && connection.principal().user_id != query.subject) return true;
      const size_t subscriptions = fan_out_.CountOf(connection) + searches_.CountOf(connection);
      page.entries.push_back(Describe(connection, subscriptions, now));
      return page.entries.size() < query.limit;
    });
    done(std::move(page));
  });
}

void Loop::CloseConnection(ConnectionId id, std::function<void(bool found)> done) {
  boost::asio::post(
      io_, [this, id, done = std::move(done)] { done(table_.Close(id, CloseCause::kOperator)); });
}

void Loop::CountSubscribers(std::function<void(SubscriberCounts)> done) {
  boost::asio::post(io_, [this, done = std::move(done)] {
    SubscriberCounts counts;
    fan_out_.ForEachMap([&](const std::string& map) {
      counts.truncated = counts.maps.size() == SubscriberCounts::kMapsMax;
      if (counts.truncated) return;
      uint64_t& connections = counts.maps[map];
      fan_out_.ForEachSubscriber(map, [&](Connection&) { ++connections; });
    });
    done(std::move(counts));
  });
}

}  // namespace topgun::gateway
