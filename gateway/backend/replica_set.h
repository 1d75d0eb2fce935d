// The sync replicas as one loop sees them: resolves the configured addresses, keeps a connection to
// each, knows which are up, and picks one per shard or map by rendezvous hashing.
//
// A replica is up while its channel is connected and it has not just failed somebody. A failed one
// sits out a backoff that doubles until it answers again. Replicas that are no longer resolved are
// not picked any more and stay until the loop ends.
//
// Owned by the loop; one thread. Start() resolves and begins to connect; Tick() is called
// regularly.
#pragma once

#include <grpcpp/channel.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "probe.h"
#include "rpc/credentials.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::gateway {

class Replica {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `server_name` is the host that the address was resolved from.
  Replica(std::string address, const std::string& server_name, const rpc::Credentials& credentials);

  const std::string& address() const { return address_; }
  sync::v1::Sync::Stub& stub() { return *stub_; }
  bool up() const { return up_; }
  // Its address was among those resolved last.
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
  bool up_ = false;
  std::chrono::milliseconds backoff_ = kBackoffMin;
  Time not_before_;
};

class ReplicaSet {
 public:
  using Time = std::chrono::steady_clock::time_point;

  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void OnReplicasChanged() = 0;
  };

  // `targets` are host:port; a host name may stand for several replicas.
  ReplicaSet(boost::asio::io_context& io, std::vector<std::string> targets,
             rpc::Credentials credentials, Probe& probe);

  void Observe(Observer& observer) { observers_.push_back(&observer); }
  void Start();
  void Tick(Time now);
  void Stop() { resolver_.cancel(); }

  // The replica of that name; the next best ones with a higher rank. Null: none is up.
  Replica* Pick(std::string_view name, size_t rank = 0);
  Replica* PickForShard(uint32_t shard);

  const std::vector<std::unique_ptr<Replica>>& all() const { return replicas_; }
  size_t up_count() const;

 private:
  void Resolve();
  void OnResolved(size_t target, const std::vector<std::string>& addresses);
  void Relist();
  bool Knows(const std::string& address) const;

  boost::asio::io_context& io_;
  const std::vector<std::string> targets_;
  const rpc::Credentials credentials_;
  Probe& probe_;
  boost::asio::ip::tcp::resolver resolver_;
  std::vector<std::vector<std::string>> resolved_;  // per target, the last good answer
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<Observer*> observers_;
  Time resolve_at_;
  int reported_up_ = 0;
};

}  // namespace topgun::gateway
