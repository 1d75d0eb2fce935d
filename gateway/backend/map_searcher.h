// Searches maps. The replica is chosen by the map's name, so that its index is shared by all
// gateways.
//
// Owned by the loop; one thread. After Close() no callback comes any more; it must live until its
// calls have ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>

#include "backend/retrying_calls.h"
#include "search/search_io.h"

namespace topgun::gateway {

class GrpcMapSearcher final : public MapSearcher {
 public:
  // Clients wait 30 s for an answer.
  static constexpr std::chrono::milliseconds kPatience{20'000};

  GrpcMapSearcher(boost::asio::io_context& io, size_t& active_calls, ReplicaSet& replicas)
      : calls_(io, active_calls, replicas, kPatience) {}

  void Search(SearchRequest request, Done done) override;
  void Close() { calls_.Close(); }

 private:
  RetryingCalls calls_;
};

}  // namespace topgun::gateway
