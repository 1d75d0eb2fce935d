#include "domain/map_view.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "state/cell.h"
#include "state/horizon.h"

namespace topgun::sync {

namespace {

// Runs `body` unless the view is gone.
template <typename Body>
auto Guard(const std::shared_ptr<MapView*>& self, Body body) {
  return [weak = std::weak_ptr<MapView*>(self), body = std::move(body)](auto&&... args) mutable {
    if (weak.lock() != nullptr) body(std::forward<decltype(args)>(args)...);
  };
}

const std::string& HorizonMapId() {
  static const std::string id = state::MapId(state::CellKind::kLww, state::kHorizonMap);
  return id;
}

// 0 for anything that is no horizon.
int64_t HorizonOf(std::string_view encoded) {
  state::CellView cell;
  if (!state::DecodeCell(encoded, &cell)) return 0;
  return state::DecodeHorizon(cell.value).value_or(state::Horizon{}).commit_ms;
}

}  // namespace

MapView::MapView(state::CellKind kind, std::string map, ViewContent& content,
                 std::vector<Shard*> shards, uint64_t bytes_max, const WallClock& wall,
                 Probe& probe)
    : kind_(kind),
      map_(std::move(map)),
      map_id_(state::MapId(kind, map_)),
      content_(content),
      bytes_max_(bytes_max),
      wall_(wall),
      probe_(probe),
      last_read_ms_(wall.NowMs()),
      self_(std::make_shared<MapView*>(this)) {
  for (Shard* shard : shards) {
    parts_.push_back({.shard = shard});
    shard->feed().AddListener(this);
  }
  probe_.Views(1);
}

MapView::~MapView() {
  for (Part& part : parts_) part.shard->feed().RemoveListener(this);
  FailReads(Unavailable("the view was dropped"));
  probe_.ViewBytes(-static_cast<int64_t>(bytes_counted_));
  probe_.Views(-1);
}

void MapView::WhenCurrent(StatusCallback callback) {
  last_read_ms_ = wall_.NowMs();
  reads_.push_back(std::move(callback));
  Advance();
}

std::vector<ShardPosition> MapView::Positions() const {
  std::vector<ShardPosition> positions;
  for (const Part& part : parts_) {
    positions.push_back({part.shard->number(), part.shard->feed().position()});
  }
  return positions;
}

bool MapView::complete() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.built; });
}

int64_t MapView::horizon_ms() const {
  int64_t highest = 0;
  for (const Part& part : parts_) highest = std::max(highest, part.horizon_ms);
  return highest;
}

void MapView::Advance() {
  if (reads_.empty() || !round_.empty()) return;
  bool complete = true;
  for (Part& part : parts_) {
    if (part.built) continue;
    complete = false;
    if (!part.building) Build(part);
  }
  if (complete) RunRound();
}

// ---- Building ----

void MapView::Build(Part& part) {
  part.building = true;
  part.horizon_ms = 0;
  build_started_ms_ = wall_.NowMs();
  content_.DropShard(part.shard->number());
  const uint64_t generation = part.generation;
  part.shard->EnsureLoaded(map_id_, Guard(self_, [this, &part, generation](const Status& status) {
                             if (!status.ok() || part.generation != generation) {
                               return Rebuild(part);
                             }
                             // Nothing of a counter is ever pruned.
                             if (kind_ == state::CellKind::kCounter) {
                               return Scan(part, generation, "0");
                             }
                             ReadHorizon(part, generation);
                           }));
}

void MapView::ReadHorizon(Part& part, uint64_t generation) {
  const auto on_cell = [this, &part,
                        generation](const StatusOr<std::vector<std::optional<std::string>>>& read) {
    if (!read.ok() || part.generation != generation) return Rebuild(part);
    // The feed may have told of a newer one already; they only rise.
    part.horizon_ms = std::max(part.horizon_ms, HorizonOf(read->front().value_or("")));
    Scan(part, generation, "0");
  };
  const auto on_loaded = [this, &part, generation, on_cell](const Status& status) {
    if (!status.ok() || part.generation != generation) return Rebuild(part);
    part.shard->store().ReadCells({{state::CellKind::kLww, state::kHorizonMap, map_id_}},
                                  Guard(self_, on_cell));
  };
  part.shard->EnsureLoaded(HorizonMapId(), Guard(self_, on_loaded));
}

void MapView::Scan(Part& part, uint64_t generation, std::string cursor) {
  part.shard->store().Scan(
      kind_, map_, cursor, Guard(self_, [this, &part, generation](StatusOr<ScanChunk> chunk) {
        if (!chunk.ok() || part.generation != generation) return Rebuild(part);
        for (const FieldAndCell& cell : chunk->cells) {
          state::FieldView name;
          if (!state::ParseCellField(kind_, cell.field, &name)) continue;
          content_.Apply(part.shard->number(), name.key, name.tag, cell.cell);
        }
        CountBytes();
        if (content_.bytes() > bytes_max_) {
          part.building = false;
          probe_.ViewRefused();
          return FailReads(ResourceExhausted("the map does not fit into a view"));
        }
        if (chunk->cursor == "0") return EndScan(part, generation);
        Scan(part, generation, std::move(chunk->cursor));
      }));
}

// What was scanned counts only if the map was loaded all the time.
void MapView::EndScan(Part& part, uint64_t generation) {
  part.shard->store().IsUnloaded(
      map_id_, Guard(self_, [this, &part, generation](const StatusOr<bool>& unloaded) {
        if (!unloaded.ok() || *unloaded || part.generation != generation) return Rebuild(part);
        part.building = false;
        part.built = true;
        probe_.ViewBuilt(static_cast<double>(wall_.NowMs() - build_started_ms_) * 1e-3);
        Advance();
      }));
}

void MapView::Rebuild(Part& part) {
  part.building = part.built = false;
  Advance();
}

MapView::Part& MapView::PartOf(uint32_t shard) {
  return *std::find_if(parts_.begin(), parts_.end(),
                       [&](const Part& part) { return part.shard->number() == shard; });
}

// ---- Following the feed ----

void MapView::OnEntry(uint32_t shard, const state::Position& /*after*/, const FeedEntry& entry,
                      bool gap) {
  const state::FeedEntryView& view = entry.view;
  Part& part = PartOf(shard);
  const auto map =
      static_cast<size_t>(std::find(view.maps.begin(), view.maps.end(), map_) - view.maps.begin());
  const bool named = map != view.maps.size();
  // A commit without changes says that the map was loaded behind the feed.
  if (gap || view.is_marker || (named && view.changes.empty())) return Invalidate(part);
  if (!part.built && !part.building) return;
  for (const state::ChangeView& change : view.changes) {
    if (named && change.map == map && change.kind == kind_) ApplyChange(part, change);
    if (view.maps[change.map] == state::kHorizonMap && change.key == map_id_) {
      part.horizon_ms = std::max(part.horizon_ms, HorizonOf(change.cell));
    }
  }
  if (named) CountBytes();
}

void MapView::OnJump(uint32_t shard, const state::Position& /*after*/,
                     const state::Position& /*upto*/) {
  Invalidate(PartOf(shard));
}

void MapView::Invalidate(Part& part) {
  ++generation_;
  ++part.generation;
  part.built = false;
}

void MapView::ApplyChange(Part& part, const state::ChangeView& change) {
  const uint32_t shard = part.shard->number();
  if ((change.flags & state::kChangePruned) != 0) {
    content_.Prune(shard, change.key, change.tag, change.cell);
  } else {
    content_.Apply(shard, change.key, change.tag, change.cell);
  }
}

void MapView::CountBytes() {
  probe_.ViewBytes(static_cast<int64_t>(content_.bytes()) - static_cast<int64_t>(bytes_counted_));
  bytes_counted_ = content_.bytes();
}

// ---- Reading ----

void MapView::RunRound() {
  round_ = std::exchange(reads_, {});
  round_open_ = parts_.size();
  round_failed_ = false;
  for (Part& part : parts_) {
    part.shard->Barrier(Guard(self_, [this, &part](const StatusOr<state::Position>& position) {
      if (!position.ok() || !part.built) round_failed_ = true;
      if (--round_open_ == 0) FinishRound();
    }));
  }
}

void MapView::FinishRound() {
  std::vector<StatusCallback> round = std::exchange(round_, {});
  if (!round_failed_ && complete()) {
    for (StatusCallback& read : round) read(OkStatus());
  } else {
    reads_.insert(reads_.begin(), std::make_move_iterator(round.begin()),
                  std::make_move_iterator(round.end()));
  }
  Advance();
}

void MapView::FailReads(const Status& status) {
  std::vector<StatusCallback> reads = std::exchange(reads_, {});
  for (StatusCallback& read : std::exchange(round_, {})) reads.push_back(std::move(read));
  for (StatusCallback& read : reads) read(status);
}

}  // namespace topgun::sync
