// Counts the live records of maps. The replica is chosen by the map's name, so that its view is
// shared with whoever reads the map.
//
// Owned by the loop; one thread. At most kRunningMax calls are on their way; further ones fail with
// RESOURCE_EXHAUSTED. After Close() no callback comes any more; it must live until its calls have
// ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>

#include "backend/retrying_calls.h"
#include "http/admin_io.h"

namespace topgun::gateway {

class GrpcMapCounter final : public MapCounter {
 public:
  static constexpr size_t kRunningMax = 256;
  static constexpr std::chrono::milliseconds kPatience{10'000};

  GrpcMapCounter(boost::asio::io_context& io, size_t& active_calls, ReplicaSet& replicas)
      : io_(io), calls_(io, active_calls, replicas, kPatience) {}

  void Count(state::CellKind kind, const std::string& map, Done done) override;
  void Close() { calls_.Close(); }

 private:
  boost::asio::io_context& io_;
  RetryingCalls calls_;
};

}  // namespace topgun::gateway
