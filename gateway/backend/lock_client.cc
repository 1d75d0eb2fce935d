#include "backend/lock_client.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "state/keys.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct AcquireCall {
  sync::v1::AcquireLockRequest request;
  sync::v1::AcquireLockReply reply;
  steady_clock::time_point wait_until;
  bool refused = false;
};

struct ReleaseCall {
  sync::v1::ReleaseLockRequest request;
  sync::v1::ReleaseLockReply reply;
};

StatusOr<std::optional<uint64_t>> GrantOf(const AcquireCall& call) {
  if (call.refused) return ResourceExhausted("too many wait for locks");
  if (!call.reply.granted()) return std::nullopt;
  return call.reply.token();
}

// Begins one attempt, with what is left of the wait.
void Begin(const std::shared_ptr<AcquireCall>& call, Replica& replica, grpc::ClientContext& context,
           RetryingCalls::Ended ended) {
  const auto left = std::chrono::ceil<milliseconds>(call->wait_until - steady_clock::now());
  call->request.set_wait_ms(static_cast<uint64_t>(std::max<int64_t>(left.count(), 0)));
  call->reply.Clear();
  replica.stub().async()->AcquireLock(&context, &call->request, &call->reply,
                                      [call, ended = std::move(ended)](const grpc::Status& status) {
                                        // The others are no better: this is an answer.
                                        call->refused = status.error_code() ==
                                                        grpc::StatusCode::RESOURCE_EXHAUSTED;
                                        ended(call->refused ? grpc::Status::OK : status);
                                      });
}

}  // namespace

GrpcLockClient::GrpcLockClient(boost::asio::io_context& io, size_t& active_calls,
                               uint32_t shard_count, ReplicaSet& replicas,
                               const LockClientLimits& limits)
    : io_(io),
      shard_count_(shard_count),
      limits_(limits),
      acquires_(io, active_calls, replicas, {}),
      releases_(io, active_calls, replicas, {}) {
  replicas.Observe(*this);
}

// As ReplicaSet::PickForShard().
std::string GrpcLockClient::ShardNameOf(const std::string& lock) const {
  return "shard/" + std::to_string(state::ShardOf(lock, shard_count_));
}

LockClient::CallId GrpcLockClient::Acquire(const LockWish& wish, Granted done) {
  const CallId id = ++last_call_;
  if (acquires_.running() >= limits_.acquires_max) {
    boost::asio::post(io_, [done = std::move(done)] {
      done(ResourceExhausted("too many requests for locks are on their way"));
    });
    return id;
  }
  const auto call = std::make_shared<AcquireCall>();
  call->request.set_name(wish.name);
  call->request.set_owner(wish.owner);
  call->request.set_ttl_ms(static_cast<uint64_t>(wish.ttl.count()));
  call->request.set_held_token(wish.held_token);
  call->wait_until = steady_clock::now() + wish.wait;
  handles_[id] = acquires_.Run(
      {.patience = wish.wait + kGrace, .route = RetryingCalls::Route::kMeet}, "AcquireLock",
      ShardNameOf(wish.name),
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        Begin(call, replica, context, std::move(ended));
      },
      [this, id, call, done = std::move(done)](const Status& status) {
        handles_.erase(id);
        if (!status.ok()) return done(status);
        done(GrantOf(*call));
      });
  return id;
}

void GrpcLockClient::Release(const LockHold& hold, milliseconds patience, Released done) {
  if (releases_.running() >= limits_.releases_max) {
    boost::asio::post(io_, [done = std::move(done)] {
      done(ResourceExhausted("too many releases are on their way"));
    });
    return;
  }
  const auto call = std::make_shared<ReleaseCall>();
  call->request.set_name(hold.name);
  call->request.set_owner(hold.owner);
  call->request.set_token(hold.token);
  releases_.Run(
      {.patience = patience, .route = RetryingCalls::Route::kMeet}, "ReleaseLock",
      ShardNameOf(hold.name),
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        call->reply.Clear();
        replica.stub().async()->ReleaseLock(&context, &call->request, &call->reply,
                                            std::move(ended));
      },
      [call, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(call->reply.released());
      });
}

void GrpcLockClient::Cancel(CallId acquire) {
  const auto found = handles_.find(acquire);
  if (found == handles_.end()) return;
  acquires_.Cancel(found->second);
  handles_.erase(found);
}

void GrpcLockClient::Close() {
  acquires_.Close();
  releases_.Close();
}

}  // namespace topgun::gateway
