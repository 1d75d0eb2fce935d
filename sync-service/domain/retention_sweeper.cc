#include "domain/retention_sweeper.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "domain/retention.h"
#include "logging/logging.h"
#include "state/cell.h"

namespace topgun::sync {

int64_t RetentionLimits::interval_ms() const {
  constexpr int64_t kMinMs = 250;
  constexpr int64_t kMaxMs = int64_t{10} * 60 * 1000;
  return std::clamp(retention_ms / 4, kMinMs, kMaxMs);
}

RetentionSweeper::RetentionSweeper(std::vector<Shard*> shards, RetentionLimits limits,
                                   Scheduler& scheduler, const WallClock& wall, Probe& probe)
    : shards_(std::move(shards)),
      limits_(limits),
      scheduler_(scheduler),
      wall_(wall),
      probe_(probe),
      tombstones_found_(shards_.size()) {}

void RetentionSweeper::Start() { Schedule(); }

void RetentionSweeper::Schedule() {
  scheduler_.After(limits_.interval_ms(), [this] {
    at_ = 0;
    NextShard();
  });
}

void RetentionSweeper::NextShard() {
  while (at_ < shards_.size() && !shard().open()) ++at_;
  if (at_ == shards_.size()) return Schedule();
  Claim();
}

void RetentionSweeper::Claim() {
  // A little shorter than the interval, so that nobody finds its own claim of the last round.
  const int64_t claimed_ms = limits_.interval_ms() * 9 / 10;
  shard().store().ClaimSweep(claimed_ms, [this](const StatusOr<bool>& claimed) {
    if (!claimed.ok()) return EndShard(claimed.status());
    if (*claimed) return ListMaps();
    ++at_;
    NextShard();
  });
}

void RetentionSweeper::ListMaps() {
  started_ms_ = wall_.NowMs();
  tombstones_ = 0;
  cursor_ = "0";
  shard().store().ListMaps([this](StatusOr<std::vector<MapSize>> maps) {
    if (!maps.ok()) return EndShard(maps.status());
    maps_ = *std::move(maps);
    Continue();
  });
}

// The next step of a shard's sweep.
void RetentionSweeper::Continue() {
  const bool map_is_read = cursor_ == "0";
  if (found_.size() >= limits_.cells_max || (map_is_read && !found_.empty())) return PruneSome();
  if (!map_is_read) return ReadPage();
  if (!maps_.empty()) return NextMap();
  EndShard(OkStatus());
}

void RetentionSweeper::Pause() {
  scheduler_.After(limits_.pause_ms, [this] { Continue(); });
}

void RetentionSweeper::NextMap() {
  const MapSize map = std::move(maps_.back());
  maps_.pop_back();
  state::MapIdView id;
  if (map.cells == 0 || !state::ParseMapId(map.map_id, &id)) return Continue();
  if (id.kind == state::CellKind::kCounter) return Continue();  // nothing of them is prunable
  kind_ = id.kind;
  map_ = id.map;
  ReadPage();
}

void RetentionSweeper::ReadPage() {
  shard().store().Scan(kind_, map_, cursor_, [this](StatusOr<ScanChunk> page) {
    if (!page.ok()) return EndShard(page.status());
    cursor_ = std::move(page->cursor);
    TakePage(*page);
    Pause();
  });
}

void RetentionSweeper::TakePage(const ScanChunk& page) {
  const int64_t cutoff_ms = wall_.NowMs() - limits_.retention_ms;
  for (const FieldAndCell& found : page.cells) {
    state::CellView cell;
    if (!state::DecodeCell(found.cell, &cell)) continue;
    if (cell.tombstone) ++tombstones_;
    if (Prunable(kind_, map_, cell, cutoff_ms)) found_.push_back(found);
  }
}

void RetentionSweeper::PruneSome() {
  std::vector<FieldAndCell> some;
  uint64_t bytes = 0;
  while (!found_.empty() && some.size() < limits_.cells_max && bytes < limits_.bytes_max) {
    bytes += found_.back().cell.size();
    some.push_back(std::move(found_.back()));
    found_.pop_back();
  }
  shard().Prune(PruneBatch(kind_, map_, std::move(some)), [this](const StatusOr<size_t>& dropped) {
    if (!dropped.ok()) return EndShard(dropped.status());
    probe_.CellsPruned(*dropped);
    Pause();
  });
}

void RetentionSweeper::EndShard(const Status& status) {
  if (status.ok()) {
    probe_.Swept(static_cast<double>(wall_.NowMs() - started_ms_) * 1e-3,
                 tombstones_ - tombstones_found_[at_]);
    tombstones_found_[at_] = tombstones_;
  } else {
    logging::Debug("retention", "sweep given up, the next one starts over",
                   {{"shard", shard().number()}, {"reason", Message(status)}});
  }
  maps_.clear();
  found_.clear();
  ++at_;
  NextShard();
}

}  // namespace topgun::sync
