// Reads snapshots of maps. The replica is chosen by the map's name, so that its view is shared by
// all gateways.
//
// Owned by the loop; one thread. After Close() no callback comes any more; it must live until its
// calls have ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "backend/retrying_calls.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class GrpcMapReader final : public MapReader {
 public:
  static constexpr uint32_t kRowsMax = 10'000;  // features.md 1.2
  static constexpr std::chrono::milliseconds kPatience{30'000};

  GrpcMapReader(boost::asio::io_context& io, size_t& active_calls, ReplicaSet& replicas)
      : calls_(io, active_calls, replicas, kPatience) {}

  void Read(const std::string& map, Done done) override;
  void ReadQuery(const std::string& map, const MapQuery& query, uint32_t rows_max,
                 Done done) override;
  void Close() { calls_.Close(); }

 private:
  struct MapRead;

  void Run(std::shared_ptr<MapRead> read, Done done);

  RetryingCalls calls_;
};

}  // namespace topgun::gateway
