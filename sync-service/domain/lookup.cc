#include "domain/lookup.h"

#include <utility>

namespace topgun::sync {

namespace {

using Cells = std::vector<std::optional<std::string>>;

// Cells of a map that is loaded first if it was not.
void ReadLoaded(Shard& shard, state::CellKind kind, const std::string& map,
                std::vector<std::string> fields, Callback<Cells> callback) {
  shard.EnsureLoaded(state::MapId(kind, map),
                     [&shard, kind, map, fields = std::move(fields),
                      callback = std::move(callback)](const Status& status) mutable {
                       if (!status.ok()) {
                         // Another load took over: what it brings is not there yet.
                         const bool again = status.code() == StatusCode::kAborted;
                         return callback(again ? Unavailable(Message(status)) : status);
                       }
                       std::vector<CellRef> refs;
                       refs.reserve(fields.size());
                       for (const std::string& field : fields) refs.push_back({kind, map, field});
                       shard.store().ReadCells(refs, std::move(callback));
                     });
}

}  // namespace

void ReadLwwCells(Shard& shard, const std::string& map, std::vector<std::string> keys,
                  Callback<std::vector<std::string>> callback) {
  ReadLoaded(shard, state::CellKind::kLww, map, std::move(keys),
             [callback = std::move(callback)](StatusOr<Cells> read) {
               if (!read.ok()) return callback(read.status());
               std::vector<std::string> cells;
               cells.reserve(read->size());
               for (auto& cell : *read) cells.push_back(std::move(cell).value_or(std::string()));
               callback(std::move(cells));
             });
}

void ReadDeadTags(Shard& shard, const std::string& map, std::vector<std::string> tags,
                  Callback<std::vector<bool>> callback) {
  shard.Barrier([&shard, map, tags = std::move(tags), callback = std::move(callback)](
                    const StatusOr<state::Position>& position) mutable {
    if (!position.ok()) return callback(position.status());
    if (!shard.may_have_dead_tags()) return callback(std::vector<bool>(tags.size()));
    for (std::string& tag : tags) tag = state::CellField(state::CellKind::kOr, map, tag);
    ReadLoaded(shard, state::CellKind::kOr, std::string(state::kDeadTagMap), std::move(tags),
               [callback = std::move(callback)](const StatusOr<Cells>& read) {
                 if (!read.ok()) return callback(read.status());
                 std::vector<bool> dead;
                 for (const auto& cell : *read) dead.push_back(cell.has_value());
                 callback(std::move(dead));
               });
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
