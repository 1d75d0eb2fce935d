// ShardOwner over the storage service's gRPC API.
//
// Asks one of the storage processes that the resolver knows: the last one that answered, the owner
// that a refusal named, otherwise the next. One instance per loop; callbacks are posted to it.
// gRPC's threads and the resolver's only hand over. The resolver outlives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "discovery/resolver.h"
#include "domain/io.h"
#include "rpc/credentials.h"
#include "topgun/storage/v1/storage.grpc.pb.h"

namespace topgun::sync {

class StorageClient final : public ShardOwner, private discovery::Resolver::Listener {
 public:
  using Post = std::function<void(std::function<void()>)>;

  StorageClient(discovery::Resolver& resolver, rpc::Credentials credentials, Post post);
  ~StorageClient() override;

  void OpenShard(uint32_t shard, std::string_view run, StatusCallback callback) override;
  void LoadMap(uint32_t shard, std::string_view map_id, const state::Position& floor, Chunk chunk,
               StatusCallback done) override;

 private:
  class Outbox;
  class OpenCall;
  class LoadCall;
  using Stub = topgun::storage::v1::Storage::Stub;

  void OnAddresses(const discovery::Addresses& addresses) override;  // on the resolver's thread
  void SetAddresses(const discovery::Addresses& addresses);
  const discovery::Address* Find(const std::string& address) const;  // null: not in the list
  // Null while no storage process is known.
  Stub* StubFor(uint32_t shard);
  // Empty while no storage process is known.
  std::string AddressOf(uint32_t shard) const;
  Stub& StubOf(const std::string& address);
  // Chooses whom to ask next after a failure; `owner` may be empty.
  void Redirect(uint32_t shard, const std::string& owner);

  discovery::Resolver& resolver_;
  const rpc::Credentials credentials_;
  const std::shared_ptr<Outbox> outbox_;
  discovery::Addresses addresses_;
  size_t next_address_ = 0;
  std::map<uint32_t, std::string> address_of_shard_;
  std::map<std::string, std::unique_ptr<Stub>> stubs_;
};

}  // namespace topgun::sync
