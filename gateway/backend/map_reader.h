// Reads snapshots of maps: the replica is chosen by rendezvous of the map's name, so that its view
// is shared by all gateways; failures are retried at the next best one until a limit.
//
// Owned by the loop; one thread. After Close() no callback comes any more; it must live until its
// calls have ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>

#include "backend/replica_set.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class GrpcMapReader final : public MapReader {
 public:
  static constexpr uint32_t kRowsMax = 10'000;  // features.md 1.2
  static constexpr std::chrono::milliseconds kPatience{30'000};

  GrpcMapReader(boost::asio::io_context& io, size_t& active_calls, ReplicaSet& replicas)
      : io_(io), active_calls_(active_calls), replicas_(replicas) {}

  void Read(const std::string& map, Done done) override;
  void Close();

 private:
  class Call;
  struct Pending;

  void Attempt(const std::shared_ptr<Pending>& pending);
  void OnEnded(const std::shared_ptr<Pending>& pending, const Status& status,
               std::shared_ptr<MapSnapshot> snapshot);
  void Retry(const std::shared_ptr<Pending>& pending, const Status& reason);

  boost::asio::io_context& io_;
  size_t& active_calls_;
  ReplicaSet& replicas_;
  std::unordered_set<std::shared_ptr<Pending>> pending_;
  bool closed_ = false;
};

}  // namespace topgun::gateway
