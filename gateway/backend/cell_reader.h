// Reads single cells and the list of maps from the sync replicas.
//
// Owned by the loop; one thread. At most kRunningMax calls are on their way; further ones fail with
// RESOURCE_EXHAUSTED. After Close() no callback comes any more; it must live until its calls have
// ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "backend/retrying_calls.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class GrpcCellReader final : public CellReader, public MapLister {
 public:
  static constexpr size_t kRunningMax = 1'024;
  static constexpr std::chrono::milliseconds kPatience{10'000};

  GrpcCellReader(boost::asio::io_context& io, size_t& active_calls, ReplicaSet& replicas)
      : io_(io), calls_(io, active_calls, replicas, kPatience) {}

  void ReadCells(const std::string& map, const std::vector<std::string>& keys,
                 CellReader::Done done) override;
  void ListMaps(MapLister::Done done) override;
  void Close() { calls_.Close(); }

 private:
  bool Full(const std::function<void(Status)>& refuse);

  boost::asio::io_context& io_;
  RetryingCalls calls_;
};

}  // namespace topgun::gateway
