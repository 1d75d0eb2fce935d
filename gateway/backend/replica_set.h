// The sync replicas as one loop sees them: keeps a connection to each address that the gateway's
// resolver knows, knows which are up, and picks one per shard or map by rendezvous hashing.
//
// A replica is up while its channel is connected and it has not just failed somebody. A failed one
// sits out a backoff that doubles until it answers again, and the resolver is asked to look again.
//
// A replica whose address is no longer known is not picked any more. It is kept as long as an
// observer still waits for something it has; then its streams and its connection are closed. If the
// address comes back before that, the same connection goes on.
//
// Owned by the loop; one thread. Start() begins to connect; Tick() is called regularly. After
// Stop() addresses do not change any more.
#pragma once

#include <grpcpp/channel.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "discovery/resolver.h"
#include "probe.h"
#include "rpc/credentials.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::gateway {

class Replica {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Replica(const discovery::Address& address, const rpc::Credentials& credentials);

  const std::string& address() const { return address_; }
  sync::v1::Sync::Stub& stub() { return *stub_; }
  bool up() const { return up_; }
  // Its address is among those known.
  bool listed() const { return listed_; }

  // It broke a stream or refused a call: not to be used for a while.
  void MarkFailed();
  // It answered.
  void MarkHealthy() { backoff_ = kBackoffMin; }

 private:
  friend class ReplicaSet;
  static constexpr std::chrono::milliseconds kBackoffMin{50};
  static constexpr std::chrono::milliseconds kBackoffMax{2'000};

  const std::string address_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<sync::v1::Sync::Stub> stub_;
  bool listed_ = true;
  bool connected_ = false;
  bool failed_ = false;  // since the last tick
  bool up_ = false;
  std::chrono::milliseconds backoff_ = kBackoffMin;
  Time not_before_;
};

class ReplicaSet final : private discovery::Resolver::Listener {
 public:
  using Time = std::chrono::steady_clock::time_point;

  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void OnReplicasChanged() = 0;
    // Whether anything is still to come from a replica that is not listed any more.
    virtual bool Uses(const Replica& replica) const = 0;
    // Nobody uses it: the last chance to let go of it.
    virtual void OnReplicaRemoved(Replica& replica) = 0;
  };

  ReplicaSet(boost::asio::io_context& io, discovery::Resolver& resolver,
             rpc::Credentials credentials, Probe& probe);
  ~ReplicaSet() override;

  void Observe(Observer& observer) { observers_.push_back(&observer); }
  void Start();
  void Tick(Time now);
  void Stop();

  // The replica of that name; the next best ones with a higher rank. Null: none is up.
  Replica* Pick(std::string_view name, size_t rank = 0);
  Replica* PickForShard(uint32_t shard) { return Pick(NameOfShard(shard)); }
  static std::string NameOfShard(uint32_t shard) { return "shard/" + std::to_string(shard); }

  const std::vector<std::unique_ptr<Replica>>& all() const { return replicas_; }
  size_t up_count() const;
  // Of the loop.
  Tracer& tracer() { return probe_.tracer(); }

 private:
  void OnAddresses(const discovery::Addresses& addresses) override;  // on the resolver's thread
  void Relist(const discovery::Addresses& addresses);
  bool Knows(const std::string& address) const;
  // False when it has lost its connection, or somebody has met a failure.
  static bool Refresh(Replica& replica, Time now);
  void RemoveUnused();
  void Report();

  boost::asio::io_context& io_;
  discovery::Resolver& resolver_;
  const rpc::Credentials credentials_;
  Probe& probe_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<Observer*> observers_;
  bool subscribed_ = false;
  int reported_up_ = 0;
  int reported_leaving_ = 0;
};

}  // namespace topgun::gateway
