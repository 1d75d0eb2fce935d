#include "map_census.h"

#include <utility>

namespace topgun::sync {

namespace {

using redis::Reply;
using redis::ReplyView;

}  // namespace

void MapCensus::Take(redis::Route& route, const state::ShardKeys& keys,
                     Callback<std::vector<MapSize>> callback) {
  std::make_shared<MapCensus>(route, keys, std::move(callback))->ListMaps();
}

// Two hashes name maps: `maps` those that were written since the shard was created, `unloaded`
// those that Redis has lost.
void MapCensus::ListMaps() {
  route_.Send({"HKEYS", keys_.maps()},
              [self = shared_from_this()](const StatusOr<Reply>& names) { self->Collect(names); });
  route_.Send({"HKEYS", keys_.unloaded()},
              [self = shared_from_this()](const StatusOr<Reply>& names) {
                self->Collect(names);
                if (!self->failure_.ok()) return self->callback_(self->failure_);
                self->CountCells();
              });
}

void MapCensus::Collect(const StatusOr<Reply>& names) {
  if (!names.ok()) {
    if (failure_.ok()) failure_ = names.status();
    return;
  }
  const ReplyView list(names->get());
  for (size_t i = 0; i < list.size(); ++i) map_ids_.emplace(list[i].str());
}

void MapCensus::CountCells() {
  std::vector<std::string> hashes;
  for (const std::string& map_id : map_ids_) {
    state::MapIdView id;
    if (!state::ParseMapId(map_id, &id)) continue;
    sizes_.push_back({map_id, 0});
    hashes.push_back(keys_.Cells(id.kind, id.map));
  }
  open_ = sizes_.size();
  if (open_ == 0) return callback_(std::move(sizes_));
  for (size_t i = 0; i < sizes_.size(); ++i) {
    route_.Send({"HLEN", hashes[i]}, [self = shared_from_this(), i](const StatusOr<Reply>& length) {
      self->Count(i, length);
    });
  }
}

void MapCensus::Count(size_t index, const StatusOr<Reply>& length) {
  if (length.ok()) {
    sizes_[index].cells = static_cast<uint64_t>(ReplyView(length->get()).integer());
  } else if (failure_.ok()) {
    failure_ = length.status();
  }
  if (--open_ != 0) return;
  if (!failure_.ok()) return callback_(failure_);
  callback_(std::move(sizes_));
}

}  // namespace topgun::sync
