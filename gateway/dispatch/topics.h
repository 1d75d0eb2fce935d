// Topics of one loop (features.md 2): which connection subscribes what, publications of clients on
// their way out, and those of the cluster on their way to clients.
//
// A publication goes to the cluster even if its topic is subscribed here only, and reaches all
// gateways from there; so those of one connection about a topic arrive everywhere in order. Each is
// encoded once; receivers share the bytes. The connection that published it is left out. Nothing is
// kept: who subscribes later, or reads too slowly, misses it.
//
// A subscription that may not be read is remembered without deliveries: when the policies allow it,
// messages arrive as if it had been allowed at first.
//
// Owned by the loop; one thread. Connections call Forget() before they go.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "access/access.h"
#include "base/clock.h"
#include "dispatch/io.h"
#include "dispatch/topic_probe.h"
#include "metrics/registry.h"
#include "wire/client_frame.h"
#include "ws/outbound_queue.h"

namespace topgun::gateway {

class Connection;

struct TopicOptions {
  size_t subscriptions_max = 100;  // per connection
  size_t topics_max = 100'000;     // that anybody subscribes
  // Of the data. Two of them fit into what may wait for a connection by default.
  size_t publication_bytes_max = (size_t{512} << 10) - 1'024;
};

class Topics final : public PublicationObserver {
 public:
  Topics(const TopicOptions& options, TopicBus& bus, const AccessControl& access,
         const WallClock& clock, metrics::Registry& registry)
      : options_(options), bus_(bus), access_(access), clock_(clock), probe_(registry) {}

  // TOPIC_SUB, TOPIC_UNSUB, TOPIC_PUB.
  void OnSubscribe(Connection& connection, std::string_view name);
  void OnUnsubscribe(Connection& connection, std::string_view name);
  void OnPublish(Connection& connection, const wire::TopicPubFrame& frame);

  // The policies have changed: suspends what may no longer be read, with an ERROR, and resumes what
  // may be read again.
  void Recheck();
  void Forget(Connection& connection);

  void OnPublication(const Publication& publication) override;
  void OnPublicationsLost(size_t count) override { probe_.StreamLost(count); }

 private:
  struct Topic {
    std::string name;
    absl::flat_hash_map<Connection*, bool> subscribers;  // whether each may read it
  };
  struct StringHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  Topic* Find(std::string_view name) const;
  size_t CountOf(Connection& connection) const;  // of its subscriptions
  // Null: the connection was refused.
  Topic* Enter(Connection& connection, std::string_view name);
  Topic& Make(std::string_view name);
  void Remove(Topic& topic, Connection& connection);
  void Deliver(const Topic& topic, const Publication& publication, const SharedBytes& message);
  Decision Check(const Connection& connection, Action action, std::string_view name) const;
  static void Refuse(Connection& connection, Decision decision, std::string_view name);

  const TopicOptions options_;
  TopicBus& bus_;
  const AccessControl& access_;
  const WallClock& clock_;
  TopicProbe probe_;
  std::unordered_map<std::string, std::unique_ptr<Topic>, StringHash, std::equal_to<>> topics_;
  absl::flat_hash_map<Connection*, std::vector<Topic*>> by_connection_;  // none is empty
};

}  // namespace topgun::gateway
