// Reads Merkle trees of maps and resolves tags. The replica is chosen by the map's name, so that
// its view is shared by all gateways.
//
// Owned by the loop; one thread. After Close() no callback comes any more; it must live until its
// calls have ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "backend/retrying_calls.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class GrpcTreeReader final : public TreeReader {
 public:
  static constexpr std::chrono::milliseconds kPatience{30'000};

  GrpcTreeReader(boost::asio::io_context& io, size_t& active_calls, ReplicaSet& replicas)
      : calls_(io, active_calls, replicas, kPatience) {}

  void ReadTree(TreeRequest request, Done done) override;
  void ResolveTags(const std::string& map, const std::vector<std::string>& tags,
                   TagsDone done) override;
  void Close() { calls_.Close(); }

 private:
  RetryingCalls calls_;
};

}  // namespace topgun::gateway
