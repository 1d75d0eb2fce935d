#include "domain/map_view.h"

#include <algorithm>
#include <utility>

#include "crdt/hash.h"
#include "state/cell.h"

namespace topgun::sync {

namespace {

constexpr uint64_t kRowOverhead = 112;

// Runs `body` unless the view is gone.
template <typename Body>
auto Guard(const std::shared_ptr<MapView*>& self, Body body) {
  return [weak = std::weak_ptr<MapView*>(self), body = std::move(body)](auto&&... args) mutable {
    if (weak.lock() != nullptr) body(std::forward<decltype(args)>(args)...);
  };
}

}  // namespace

MapView::MapView(std::string map, std::vector<Shard*> shards, uint64_t bytes_max,
                 const WallClock& wall, Probe& probe)
    : map_(std::move(map)),
      map_id_(state::MapId(state::CellKind::kLww, map_)),
      bytes_max_(bytes_max),
      wall_(wall),
      probe_(probe),
      last_read_ms_(wall.NowMs()),
      self_(std::make_shared<MapView*>(this)) {
  for (Shard* shard : shards) {
    parts_.push_back({shard, false, false, 0});
    shard->feed().AddListener(this);
  }
  probe_.Views(1);
}

MapView::~MapView() {
  for (Part& part : parts_) part.shard->feed().RemoveListener(this);
  FailReads(Unavailable("the view was dropped"));
  probe_.ViewBytes(-static_cast<int64_t>(bytes_));
  probe_.Views(-1);
}

void MapView::Read(size_t rows_max, Callback<Snapshot> callback) {
  last_read_ms_ = wall_.NowMs();
  reads_.push_back({rows_max, std::move(callback)});
  Advance();
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
  build_started_ms_ = wall_.NowMs();
  const uint64_t generation = part.generation;
  part.shard->EnsureLoaded(map_id_, Guard(self_, [this, &part, generation](const Status& status) {
                             if (!status.ok() || part.generation != generation) {
                               return Rebuild(part);
                             }
                             Scan(part, generation, "0");
                           }));
}

void MapView::Scan(Part& part, uint64_t generation, std::string cursor) {
  part.shard->store().Scan(
      state::CellKind::kLww, map_, cursor,
      Guard(self_, [this, &part, generation](StatusOr<ScanChunk> chunk) {
        if (!chunk.ok() || part.generation != generation) return Rebuild(part);
        for (const FieldAndCell& cell : chunk->cells) {
          Apply(part.shard->number(), cell.field, cell.cell);
        }
        if (bytes_ > bytes_max_) {
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
  DropRows(part.shard->number());
  Advance();
}

MapView::Part& MapView::PartOf(uint32_t shard) {
  return *std::find_if(parts_.begin(), parts_.end(),
                       [&](const Part& part) { return part.shard->number() == shard; });
}

// ---- Following the feed ----

void MapView::OnEntry(uint32_t shard, const state::Position& /*after*/, const FeedEntryPtr& entry,
                      bool gap) {
  const state::FeedEntryView& view = entry->view;
  Part& part = PartOf(shard);
  const bool named = std::find(view.maps.begin(), view.maps.end(), map_) != view.maps.end();
  // A commit without changes says that the map was loaded behind the feed.
  if (gap || view.is_marker || (named && view.changes.empty())) {
    ++part.generation;
    part.built = false;
    return;
  }
  if (!named || (!part.built && !part.building)) return;
  for (const state::ChangeView& change : view.changes) {
    if (change.kind == state::CellKind::kLww && view.maps[change.map] == map_) {
      Apply(shard, change.key, change.cell);
    }
  }
}

void MapView::OnJump(uint32_t shard, const state::Position& /*after*/,
                     const state::Position& /*upto*/) {
  Part& part = PartOf(shard);
  ++part.generation;
  part.built = false;
}

void MapView::Apply(uint32_t shard, std::string_view key, std::string_view encoded) {
  state::CellView cell;
  if (!state::DecodeCell(encoded, &cell)) return;
  auto it = rows_.find(key);
  const uint64_t before = bytes_;
  if (it != rows_.end()) {
    state::CellView current;
    if (it->second.shard == shard && state::DecodeCell(it->second.cell, &current) &&
        current.version >= cell.version) {
      return;
    }
    bytes_ -= it->second.cell.size();
  } else {
    it = rows_.emplace(std::string(key), Row()).first;
    bytes_ += key.size() + kRowOverhead;
  }
  it->second.shard = shard;
  it->second.cell.assign(encoded);
  bytes_ += encoded.size();
  digest_.Update(key, crdt::LwwItemHash(key, cell.timestamp));
  probe_.ViewBytes(static_cast<int64_t>(bytes_) - static_cast<int64_t>(before));
}

void MapView::DropRows(uint32_t shard) {
  const uint64_t before = bytes_;
  for (auto it = rows_.begin(); it != rows_.end();) {
    if (it->second.shard != shard) {
      ++it;
      continue;
    }
    bytes_ -= it->first.size() + it->second.cell.size() + kRowOverhead;
    digest_.Remove(it->first);
    it = rows_.erase(it);
  }
  probe_.ViewBytes(static_cast<int64_t>(bytes_) - static_cast<int64_t>(before));
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
  std::vector<PendingRead> round = std::exchange(round_, {});
  const bool current = !round_failed_ && std::all_of(parts_.begin(), parts_.end(),
                                                     [](const Part& part) { return part.built; });
  if (!current) {
    reads_.insert(reads_.begin(), std::make_move_iterator(round.begin()),
                  std::make_move_iterator(round.end()));
    for (Part& part : parts_) {
      if (!part.built && !part.building) DropRows(part.shard->number());
    }
    return Advance();
  }
  for (PendingRead& read : round) read.callback(Take(read.rows_max));
  Advance();
}

Snapshot MapView::Take(size_t rows_max) const {
  Snapshot snapshot;
  const int64_t now_ms = wall_.NowMs();
  for (const auto& [key, row] : rows_) {
    state::CellView cell;
    if (!state::DecodeCell(row.cell, &cell) || !cell.Live(now_ms)) continue;
    if (snapshot.rows.size() == rows_max) {
      snapshot.more = true;
      break;
    }
    snapshot.rows.push_back({key, std::string(cell.value)});
  }
  for (const Part& part : parts_) {
    snapshot.positions.push_back({part.shard->number(), part.shard->feed().position()});
  }
  return snapshot;
}

void MapView::FailReads(const Status& status) {
  std::vector<PendingRead> reads = std::exchange(reads_, {});
  for (PendingRead& read : std::exchange(round_, {})) reads.push_back(std::move(read));
  for (PendingRead& read : reads) read.callback(status);
}

}  // namespace topgun::sync
