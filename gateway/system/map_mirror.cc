#include "system/map_mirror.h"

#include <utility>

#include "logging/logging.h"
#include "state/cell.h"

namespace topgun::gateway {

void MapMirror::Start() {
  started_ = true;
  wants_read_ = true;
  interest_ = source_.AddInterest(map_);
  StartRead();
}

void MapMirror::StartRead() {
  if (!started_ || !wants_read_ || reading_ || now_ < read_not_before_) return;
  if (!source_.Confirmed(interest_)) return;
  wants_read_ = false;
  reading_ = true;
  stale_ = false;
  kept_.clear();
  reader_.Read(map_, [this](const auto& snapshot) { OnSnapshot(snapshot); });
}

void MapMirror::OnSnapshot(const StatusOr<std::shared_ptr<const MapSnapshot>>& snapshot) {
  reading_ = false;
  if (!snapshot.ok() || stale_) {
    if (!snapshot.ok()) {
      logging::Warning("system", "map cannot be read, trying again",
                       {{"map", map_}, {"reason", Message(snapshot.status())}});
      read_not_before_ = now_ + kReadRetry;
    }
    wants_read_ = true;
    return StartRead();
  }
  rows_.clear();
  for (const auto& row : (*snapshot)->rows) {
    rows_.emplace(std::string(row.key), std::string(row.value));
  }
  truncated_ = (*snapshot)->has_more;
  if (truncated_) logging::Error("system", "map has more rows than are used", {{"map", map_}});
  const std::vector<state::Position>& positions = (*snapshot)->positions;
  for (const Kept& change : std::exchange(kept_, {})) {
    const bool included =
        change.shard < positions.size() && change.position <= positions[change.shard];
    if (!included) Apply(change.key, change.cell);
  }
  loaded_ = true;
  Changed();
}

void MapMirror::OnChange(const Change& change) {
  if (change.kind != state::CellKind::kLww) return;
  if (reading_ && !stale_) {
    kept_.push_back(
        {change.shard, change.position, std::string(change.key), std::string(change.cell)});
    if (kept_.size() > kKeptMax) {
      stale_ = true;
      kept_.clear();
    }
  }
  if (!loaded_) return;
  Apply(change.key, change.cell);
  Changed();
}

void MapMirror::Apply(std::string_view key, std::string_view cell) {
  state::CellView view;
  const bool live = state::DecodeCell(cell, &view) && view.Live(clock_.NowMs());
  const auto found = rows_.find(key);
  if (!live) {
    if (found != rows_.end()) rows_.erase(found);
  } else if (found == rows_.end()) {
    rows_.emplace(std::string(key), std::string(view.value));
  } else {
    found->second.assign(view.value);
  }
}

void MapMirror::Changed() {
  ++version_;
  for (const auto& observer : observers_) observer();
}

void MapMirror::OnGap() {
  stale_ = stale_ || reading_;
  wants_read_ = started_;
}

void MapMirror::Tick(Time now) {
  now_ = now;
  StartRead();
}

}  // namespace topgun::gateway
