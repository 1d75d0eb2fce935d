#include "domain/lookup.h"

#include <utility>

namespace topgun::sync {

namespace {

void ReadFromStore(Shard& shard, const std::string& map, const std::vector<std::string>& keys,
                   Callback<std::vector<std::string>> callback) {
  std::vector<CellRef> refs;
  refs.reserve(keys.size());
  for (const std::string& key : keys) refs.push_back({state::CellKind::kLww, map, key});
  shard.store().ReadCells(refs, [callback = std::move(callback)](
                                    StatusOr<std::vector<std::optional<std::string>>> read) {
    if (!read.ok()) return callback(read.status());
    std::vector<std::string> cells;
    cells.reserve(read->size());
    for (auto& cell : *read) cells.push_back(std::move(cell).value_or(std::string()));
    callback(std::move(cells));
  });
}

}  // namespace

void ReadLwwCells(Shard& shard, const std::string& map, std::vector<std::string> keys,
                  Callback<std::vector<std::string>> callback) {
  shard.EnsureLoaded(state::MapId(state::CellKind::kLww, map),
                     [&shard, map, keys = std::move(keys),
                      callback = std::move(callback)](const Status& status) mutable {
                       if (status.ok()) {
                         return ReadFromStore(shard, map, keys, std::move(callback));
                       }
                       // Another load took over: what it brings is not there yet.
                       const bool again = status.code() == StatusCode::kAborted;
                       callback(again ? Unavailable(Message(status)) : status);
                     });
}

void ListMaps(Shard& shard, Callback<std::vector<MapSize>> callback) {
  shard.Barrier(
      [&shard, callback = std::move(callback)](const StatusOr<state::Position>& position) mutable {
        if (!position.ok()) return callback(position.status());
        shard.store().ListMaps(std::move(callback));
      });
}

}  // namespace topgun::sync
