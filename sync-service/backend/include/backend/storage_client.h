// ShardOwner over the storage service's gRPC API.
//
// Knows a list of storage processes; asks the last one that answered, follows the owner named in a
// refusal, otherwise goes round. One instance per loop; callbacks are posted to it. gRPC's threads
// only hand over.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "domain/io.h"
#include "rpc/credentials.h"
#include "topgun/storage/v1/storage.grpc.pb.h"

namespace topgun::sync {

class StorageClient final : public ShardOwner {
 public:
  using Post = std::function<void(std::function<void()>)>;

  StorageClient(std::vector<std::string> addresses, rpc::Credentials credentials, Post post);
  ~StorageClient() override;

  void OpenShard(uint32_t shard, std::string_view run, StatusCallback callback) override;
  void LoadMap(uint32_t shard, std::string_view map_id, const state::Position& floor, Chunk chunk,
               StatusCallback done) override;

 private:
  class Outbox;
  class OpenCall;
  class LoadCall;
  using Stub = topgun::storage::v1::Storage::Stub;

  const std::string& AddressOf(uint32_t shard) const;
  Stub& StubOf(const std::string& address);
  // Chooses whom to ask next after a failure; `owner` may be empty.
  void Redirect(uint32_t shard, const std::string& owner);

  const std::vector<std::string> addresses_;
  const rpc::Credentials credentials_;
  const std::shared_ptr<Outbox> outbox_;
  size_t next_address_ = 0;
  std::map<uint32_t, std::string> address_of_shard_;
  std::map<std::string, std::unique_ptr<Stub>> stubs_;
};

}  // namespace topgun::sync
