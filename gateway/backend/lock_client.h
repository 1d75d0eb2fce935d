// Locks at the sync services. All calls for a name go to the replica of its shard, because those
// who wait stand in line there; when that becomes another one, they are moved (docs/locks.md).
//
// Owned by the loop; one thread. Limits: acquires and releases on their way, then
// RESOURCE_EXHAUSTED. After Close() no callback comes any more; it must live until its calls have
// ended.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "backend/retrying_calls.h"
#include "dispatch/lock_io.h"

namespace topgun::gateway {

struct LockClientLimits {
  size_t acquires_max = 8'192;
  size_t releases_max = 16'384;
};

class GrpcLockClient final : public LockClient, private ReplicaSet::Observer {
 public:
  // A sync service says itself that the wait is over; so long it may take to say so.
  static constexpr std::chrono::milliseconds kGrace{1'000};

  GrpcLockClient(boost::asio::io_context& io, size_t& active_calls, uint32_t shard_count,
                 ReplicaSet& replicas, const LockClientLimits& limits = {});

  CallId Acquire(const LockWish& wish, Granted done) override;
  void Release(const LockHold& hold, std::chrono::milliseconds patience, Released done) override;
  void Cancel(CallId acquire) override;
  void Close();
  bool releasing() const { return releases_.running() > 0; }

 private:
  void OnReplicasChanged() override { acquires_.Reroute(); }
  // What waits there begins anew elsewhere.
  bool Uses(const Replica& /*replica*/) const override { return false; }
  void OnReplicaRemoved(Replica& /*replica*/) override {}

  std::string ShardNameOf(const std::string& lock) const;

  boost::asio::io_context& io_;
  const uint32_t shard_count_;
  const LockClientLimits limits_;
  RetryingCalls acquires_;
  RetryingCalls releases_;
  std::unordered_map<CallId, RetryingCalls::Handle> handles_;  // of acquires
  CallId last_call_ = 0;
};

}  // namespace topgun::gateway
