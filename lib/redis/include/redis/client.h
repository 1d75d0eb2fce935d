// Redis as a service sees it, whatever its topology: routes to the primaries that hold the keys.
//
// A Route stands for the hash slot of a key; everything of a shard is in one slot
// (docs/state-layout.md), so a shard has one route. The client keeps a connection to every primary
// that some route needs. With one server all routes lead there. With Sentinels or a Redis Cluster
// it asks where the primaries are (at the start, when one is lost, when a node answers MOVED, and
// from time to time) and turns routes to where their slot is now.
//
// A command is never carried on to another node than the one it was written for. Callers build
// commands on what they know of one run of one server, and learn of another one only by the events
// of the route: a commit that followed its slot would miss that the new node has lost what came
// before it. So MOVED, ASK, TRYAGAIN and CLUSTERDOWN arrive as UNAVAILABLE like any lost
// connection, and callers come again. While a slot is being moved, its shard waits.
//
// Threads: everything on the loop that `io` runs on. Ownership: the creator; routes belong to the
// client and live as long. Events and callbacks may send; they must not destroy the client.
//
// Limits: one connection per primary, so never more than routes; questions about the topology at
// least refresh_pause apart (growing to a second while a primary stays away), one at a time; the
// limits of each connection (redis/connection.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/status.h"
#include "redis/connection.h"
#include "redis/topology.h"

namespace topgun::redis {

class ClientMetrics;
class SlotTable;
class TopologyReader;

struct ClientOptions {
  Topology topology = {};
  ConnectionOptions connection = {};  // of every server; its address is not used
  std::chrono::milliseconds refresh_pause{200};
  std::chrono::milliseconds refresh_interval{5000};
};

struct ClientEvents {
  // Some routes are connected anew; after their own events.
  std::function<void()> connected = nullptr;
  // A primary that was connected is gone, after the events of its routes; or an attempt failed.
  std::function<void(const Status& reason)> disconnected = nullptr;
  std::function<void(const Status& reason)> connect_failed = nullptr;
  // Who was asked could not tell where the primaries are; the next one is asked by itself. Or one
  // server was named, and it says that it is a part of a cluster.
  std::function<void(const Status& reason)> topology_unknown = nullptr;
};

struct RouteEvents {
  std::function<void()> connected = nullptr;
  // The connection is gone, or the slot: what was sent before may still be answered in that case.
  std::function<void(const Status& reason)> disconnected = nullptr;
};

// The way to the primary that has one hash slot. Commands as in redis/connection.h.
class Route {
 public:
  using Args = Connection::Args;
  using Callback = Connection::Callback;

  bool connected() const { return connection_->connected(); }
  // Of the connection it leads to now; empty while disconnected.
  const std::string& run() const { return connection_->run(); }
  // Of the primary; empty while nobody is known to have the slot.
  const std::string& address() const { return address_; }

  void Send(Args args, Callback callback) { connection_->Send(args, std::move(callback)); }
  void Send(std::initializer_list<std::string_view> args, Callback callback) {
    connection_->Send(args, std::move(callback));
  }
  void Eval(const state::Script& script, size_t key_count, Args keys_and_args, Callback callback) {
    connection_->Eval(script, key_count, keys_and_args, std::move(callback));
  }
  void SendBlocking(Args args, std::chrono::milliseconds extra, Callback callback) {
    connection_->SendBlocking(args, extra, std::move(callback));
  }

 private:
  friend class Client;

  uint16_t slot_ = 0;
  RouteEvents events_;
  std::string address_;
  Connection* connection_ = nullptr;
};

class Client {
 public:
  // `metrics`: null, or outlives the client.
  Client(boost::asio::io_context& io, ClientOptions options, ClientEvents events,
         ClientMetrics* metrics = nullptr);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Before Start(). Events of routes come in the order in which these were added.
  Route& AddRoute(std::string_view key, RouteEvents events = {});

  void Start();
  void Close();
  // All routes are.
  bool connected() const;
  const Topology& topology() const { return options_.topology; }

 private:
  using Clock = std::chrono::steady_clock;

  void Apply(const SlotTable& table);
  Connection* ConnectionTo(const std::string& address);
  void DropUnused();
  void OnConnected(const std::string& address);
  void OnDisconnected(const std::string& address, const Status& reason);
  void OnConnectFailed(const Status& reason);
  void OnRedirected(Redirect redirect);

  void WantRefresh();
  void ArmRefresh();
  void Refresh();
  void OnTopology(const StatusOr<SlotTable>& table);

  boost::asio::io_context& io_;
  const ClientOptions options_;
  const ClientEvents events_;
  ClientMetrics* const metrics_;
  std::deque<Route> routes_;
  Connection nowhere_;  // never started: where routes lead while nobody has their slot
  std::map<std::string, std::unique_ptr<Connection>> connections_;  // by address

  std::unique_ptr<TopologyReader> reader_;  // null when the topology is fixed
  boost::asio::steady_timer refresh_timer_;
  std::chrono::milliseconds refresh_pause_;
  Clock::time_point last_refresh_{};
  bool refreshing_ = false;
  bool refresh_wanted_ = false;  // soon, rather than at the next interval
  bool closed_ = false;
  const std::shared_ptr<void> alive_;  // a timer that has fired already may find the client gone
};

}  // namespace topgun::redis
