// Reads the state of PN counters from the sync replicas: from the one that is responsible for the
// shard of the counter's name, as it has heard of every change of it.
//
// Owned by the loop; one thread. At most kRunningMax calls are on their way; further ones fail with
// RESOURCE_EXHAUSTED. After Close() no callback comes any more; it must live until its calls have
// ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "backend/retrying_calls.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class GrpcCounterReader final : public CounterReader {
 public:
  static constexpr size_t kRunningMax = 256;
  static constexpr std::chrono::milliseconds kPatience{10'000};

  GrpcCounterReader(boost::asio::io_context& io, size_t& active_calls, uint32_t shard_count,
                    ReplicaSet& replicas)
      : io_(io), shard_count_(shard_count), calls_(io, active_calls, replicas, kPatience) {}

  void ReadCounter(const std::string& name, Done done) override;
  void Close() { calls_.Close(); }

 private:
  boost::asio::io_context& io_;
  const uint32_t shard_count_;
  RetryingCalls calls_;
};

}  // namespace topgun::gateway
