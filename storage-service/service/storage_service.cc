#include "service/storage_service.h"

#include "async/spawn.h"
#include "load_reactor.h"
#include "rpc/status.h"

namespace topgun::storage {
namespace {

void NameOwner(const ShardManager& manager, uint32_t shard, const Status& status,
               grpc::CallbackServerContext* context) {
  if (status.code() != StatusCode::kFailedPrecondition) return;
  const std::string address = manager.OwnerAddress(shard);
  if (!address.empty()) context->AddTrailingMetadata(kOwnerTrailer, address);
}

awaitable<void> Load(ShardManager& manager, LoadRequest request,
                     grpc::CallbackServerContext* context, std::shared_ptr<LoadReactor> reactor) {
  const Status status = co_await manager.LoadMap(request, reactor);
  NameOwner(manager, request.shard, status, context);
  reactor->Finish(rpc::ToGrpc(status));
}

}  // namespace

grpc::ServerUnaryReactor* StorageService::OpenShard(grpc::CallbackServerContext* context,
                                                    const v1::OpenShardRequest* request,
                                                    v1::OpenShardResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  if (request->shard() >= shard_count_) {
    reactor->Finish(rpc::ToGrpc(InvalidArgument("no such shard")));
    return reactor;
  }
  Spawn(io_, Open(context, request->shard(), response, reactor));
  return reactor;
}

awaitable<void> StorageService::Open(grpc::CallbackServerContext* context, uint32_t shard,
                                     v1::OpenShardResponse* response,
                                     grpc::ServerUnaryReactor* reactor) {
  const StatusOr<uint64_t> incarnation = co_await manager_.OpenShard(shard);
  if (incarnation.ok()) response->set_incarnation(*incarnation);
  NameOwner(manager_, shard, incarnation.status(), context);
  reactor->Finish(rpc::ToGrpc(incarnation.status()));
}

grpc::ServerWriteReactor<v1::LoadMapChunk>* StorageService::LoadMap(
    grpc::CallbackServerContext* context, const v1::LoadMapRequest* request) {
  const std::shared_ptr<LoadReactor> reactor = LoadReactor::Make();
  const bool known_kind = request->kind() >= static_cast<uint32_t>(CellKind::kLww) &&
                          request->kind() <= static_cast<uint32_t>(CellKind::kCounter);
  if (request->shard() >= shard_count_ || !known_kind) {
    reactor->Finish(rpc::ToGrpc(InvalidArgument("no such shard or kind")));
    return reactor.get();
  }
  LoadRequest load{request->shard(),
                   static_cast<CellKind>(request->kind()),
                   request->map(),
                   {request->floor_incarnation(), request->floor_n()}};
  Spawn(io_, Load(manager_, std::move(load), context, reactor));
  return reactor.get();
}

}  // namespace topgun::storage
