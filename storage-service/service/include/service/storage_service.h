// The gRPC face of the shard manager: protos in and out, nothing else.
//
// gRPC's threads only copy the request and hand over to the loop; everything else, including
// Finish(), happens there. Owned by the application. Every call ends by itself once the manager has
// left, so the loop must run until the server is shut down.
#pragma once

#include <boost/asio/io_context.hpp>

#include "shard/shard_manager.h"
#include "topgun/storage/v1/storage.grpc.pb.h"

namespace topgun::storage {

// Trailing metadata of FAILED_PRECONDITION: address of the process that owns the shard.
inline constexpr char kOwnerTrailer[] = "topgun-owner";

class StorageService final : public v1::Storage::CallbackService {
 public:
  StorageService(boost::asio::io_context& io, ShardManager& manager, uint32_t shard_count)
      : io_(io), manager_(manager), shard_count_(shard_count) {}

  grpc::ServerUnaryReactor* OpenShard(grpc::CallbackServerContext* context,
                                      const v1::OpenShardRequest* request,
                                      v1::OpenShardResponse* response) override;
  grpc::ServerWriteReactor<v1::LoadMapChunk>* LoadMap(grpc::CallbackServerContext* context,
                                                      const v1::LoadMapRequest* request) override;

 private:
  awaitable<void> Open(grpc::CallbackServerContext* context, uint32_t shard,
                       v1::OpenShardResponse* response, grpc::ServerUnaryReactor* reactor);

  boost::asio::io_context& io_;
  ShardManager& manager_;
  const uint32_t shard_count_;
};

}  // namespace topgun::storage
