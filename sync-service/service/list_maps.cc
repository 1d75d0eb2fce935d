// The maps of the cluster: the union over all shards.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "domain/lookup.h"
#include "service/gathering.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

using MapSizes = std::vector<MapSize>;

void FillReply(const std::vector<MapSizes>& parts, v1::ListMapsReply& reply) {
  std::map<std::string, uint64_t> cells_by_id;
  for (const MapSizes& part : parts) {
    for (const MapSize& size : part) cells_by_id[size.map_id] += size.cells;
  }
  for (const auto& [map_id, cells] : cells_by_id) {
    state::MapIdView id;
    if (!state::ParseMapId(map_id, &id)) continue;
    v1::MapInfo& info = *reply.add_maps();
    info.set_map(std::string(id.map));
    info.set_kind(static_cast<crdt::v1::CellKind>(id.kind));
    info.set_cells(cells);
  }
}

}  // namespace

grpc::ServerUnaryReactor* SyncService::ListMaps(grpc::CallbackServerContext* /*context*/,
                                                const v1::ListMapsRequest* /*request*/,
                                                v1::ListMapsReply* reply) {
  const uint32_t shard_count = loops_.shard_count();
  const auto gathering = std::make_shared<Gathering<MapSizes>>(
      shard_count, [reply](const std::vector<MapSizes>& parts) { FillReply(parts, *reply); });
  grpc::ServerUnaryReactor* const reactor = Gathering<MapSizes>::ReactorOf(gathering);
  for (uint32_t shard = 0; shard < shard_count; ++shard) {
    const bool posted = loops_.Post(loops_.LoopOf(shard), [this, shard, gathering] {
      sync::ListMaps(loops_.ShardAt(shard),
                     [gathering](StatusOr<MapSizes> sizes) { gathering->Add(std::move(sizes)); });
    });
    if (!posted) gathering->Add(Unavailable("shutting down"));
  }
  return reactor;
}

}  // namespace topgun::sync
