// Single cells: every key is looked up in its shard, the answer keeps the order of the request.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "domain/lookup.h"
#include "service/gathering.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

constexpr int kKeysMax = 10'000;

// The keys of one shard, with their places in the request.
struct ShardKeysOfRequest {
  std::vector<size_t> places;
  std::vector<std::string> keys;
};

struct ShardCells {
  std::vector<size_t> places;
  std::vector<std::string> cells;
};

StatusOr<std::map<uint32_t, ShardKeysOfRequest>> KeysByShard(const v1::ReadCellsRequest& request,
                                                             uint32_t shard_count) {
  if (request.key_lengths_size() > kKeysMax) return InvalidArgument("keys: too many");
  std::map<uint32_t, ShardKeysOfRequest> by_shard;
  std::string_view rest = request.keys();
  for (int i = 0; i < request.key_lengths_size(); ++i) {
    const size_t length = request.key_lengths(i);
    if (length > rest.size()) return InvalidArgument("key_lengths: longer than keys");
    ShardKeysOfRequest& own = by_shard[state::ShardOf(rest.substr(0, length), shard_count)];
    own.places.push_back(static_cast<size_t>(i));
    own.keys.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return by_shard;
}

void FillReply(const std::vector<ShardCells>& parts, size_t count, v1::ReadCellsReply& reply) {
  std::vector<const std::string*> cells(count);
  for (const ShardCells& part : parts) {
    for (size_t i = 0; i < part.places.size(); ++i) cells[part.places[i]] = &part.cells[i];
  }
  for (const std::string* const cell : cells) {
    reply.mutable_cells()->append(*cell);
    reply.add_cell_lengths(static_cast<uint32_t>(cell->size()));
  }
}

}  // namespace

grpc::ServerUnaryReactor* SyncService::ReadCells(grpc::CallbackServerContext* context,
                                                 const v1::ReadCellsRequest* request,
                                                 v1::ReadCellsReply* reply) {
  auto by_shard = KeysByShard(*request, loops_.shard_count());
  if (!by_shard.ok()) {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(rpc::ToGrpc(by_shard.status()));
    return reactor;
  }
  const auto count = static_cast<size_t>(request->key_lengths_size());
  const auto gathering = std::make_shared<Gathering<ShardCells>>(
      by_shard->size(),
      [count, reply](const std::vector<ShardCells>& parts) { FillReply(parts, count, *reply); });
  grpc::ServerUnaryReactor* const reactor = Gathering<ShardCells>::ReactorOf(gathering);
  for (auto& [shard, wanted] : *by_shard) {
    const bool posted =
        loops_.Post(loops_.LoopOf(shard), [this, shard = shard, map = request->map(), gathering,
                                           wanted = std::move(wanted)]() mutable {
          ReadLwwCells(loops_.ShardAt(shard), map, std::move(wanted.keys),
                       [gathering, places = std::move(wanted.places)](
                           StatusOr<std::vector<std::string>> cells) mutable {
                         if (!cells.ok()) return gathering->Add(cells.status());
                         gathering->Add(ShardCells{std::move(places), *std::move(cells)});
                       });
        });
    if (!posted) gathering->Add(Unavailable("shutting down"));
  }
  return reactor;
}

}  // namespace topgun::sync
