// Locks: to the line in the loop of the name's shard, and back (docs/locks.md).
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/gathering.h"
#include "service/sync_service.h"
#include "state/keys.h"

namespace topgun::sync {

namespace {

constexpr size_t kNameBytesMax = 1'024;
constexpr size_t kOwnerBytesMax = 256;
constexpr uint64_t kTtlMsMax = 300'000;

// A number that is too large for the domain is as good as the largest.
int64_t Milliseconds(uint64_t ms) { return static_cast<int64_t>(std::min(ms, kTtlMsMax * 2)); }

Status CheckName(const std::string& name, const std::string& owner) {
  if (name.empty() || name.size() > kNameBytesMax) return InvalidArgument("name: 1 to 1024 bytes");
  if (owner.size() > kOwnerBytesMax) return InvalidArgument("owner: at most 256 bytes");
  return OkStatus();
}

Status Check(const v1::AcquireLockRequest& request) {
  RETURN_IF_ERROR(CheckName(request.name(), request.owner()));
  if (request.owner().empty()) return InvalidArgument("owner: missing");
  if (request.ttl_ms() == 0 || request.ttl_ms() > kTtlMsMax) {
    return InvalidArgument("ttl_ms: 1 to 300000");
  }
  return OkStatus();
}

Status Check(const v1::ReleaseLockRequest& request) {
  RETURN_IF_ERROR(CheckName(request.name(), request.owner()));
  if (request.owner().empty() && request.token() == 0) return InvalidArgument("token: missing");
  return OkStatus();
}

grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext& context, const Status& status) {
  grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
  reactor->Finish(rpc::ToGrpc(status));
  return reactor;
}

// Of one AcquireLock; only on the loop.
struct Waiting {
  uint64_t waiter = 0;
  bool left = false;
};

}  // namespace

grpc::ServerUnaryReactor* SyncService::AcquireLock(grpc::CallbackServerContext* context,
                                                   const v1::AcquireLockRequest* request,
                                                   v1::AcquireLockReply* reply) {
  using Grant = std::optional<uint64_t>;
  if (const Status status = Check(*request); !status.ok()) return Refuse(*context, status);
  const uint32_t shard = state::ShardOf(request->name(), loops_.shard_count());
  const size_t loop = loops_.LoopOf(shard);
  const auto waiting = std::make_shared<Waiting>();
  const auto gathering = std::make_shared<Gathering<Grant>>(
      1,
      [reply](const std::vector<Grant>& grants) {
        reply->set_granted(grants.front().has_value());
        reply->set_token(grants.front().value_or(0));
      },
      [this, loop, waiting] {
        loops_.Post(loop, [this, loop, waiting] {
          waiting->left = true;
          loops_.LocksOf(loop).Leave(waiting->waiter);
        });
      });
  grpc::ServerUnaryReactor* const reactor = Gathering<Grant>::ReactorOf(gathering);
  const bool posted = loops_.Post(
      loop, [this, loop, shard, waiting, gathering,
             wanted = LockTable::Request{.shard = shard,
                                         .name = request->name(),
                                         .owner = request->owner(),
                                         .ttl_ms = Milliseconds(request->ttl_ms()),
                                         .wait_ms = Milliseconds(request->wait_ms()),
                                         .held_token = request->held_token()}]() mutable {
        if (waiting->left) return;
        LockTable& locks = loops_.LocksOf(loop);
        const bool renews = wanted.held_token != 0;
        const std::string name = wanted.name;
        waiting->waiter = locks.Join(std::move(wanted), [&locks, shard, name, renews,
                                                         gathering](const StatusOr<Grant>& grant) {
          if (gathering->Deliver(grant) || !grant.ok() || !grant->has_value()) return;
          // The caller has just gone. What it held before is its own affair.
          if (!renews) locks.TakeBack(shard, name, **grant);
        });
      });
  if (!posted) gathering->Add(Unavailable("shutting down"));
  return reactor;
}

grpc::ServerUnaryReactor* SyncService::ReleaseLock(grpc::CallbackServerContext* context,
                                                   const v1::ReleaseLockRequest* request,
                                                   v1::ReleaseLockReply* reply) {
  if (const Status status = Check(*request); !status.ok()) return Refuse(*context, status);
  const uint32_t shard = state::ShardOf(request->name(), loops_.shard_count());
  const size_t loop = loops_.LoopOf(shard);
  const auto gathering = std::make_shared<Gathering<bool>>(
      1, [reply](const std::vector<bool>& released) { reply->set_released(released.front()); });
  grpc::ServerUnaryReactor* const reactor = Gathering<bool>::ReactorOf(gathering);
  const bool posted = loops_.Post(loop, [this, loop, shard, gathering, name = request->name(),
                                         token = request->token(), owner = request->owner()] {
    loops_.LocksOf(loop).Release(
        shard, {.name = name, .token = token, .owner = owner},
        [gathering](const StatusOr<bool>& released) { gathering->Add(released); });
  });
  if (!posted) gathering->Add(Unavailable("shutting down"));
  return reactor;
}

}  // namespace topgun::sync
