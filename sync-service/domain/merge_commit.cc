// A merged batch as one commit.
#include <algorithm>
#include <utility>

#include "domain/merge_batch.h"

namespace topgun::sync {

bool MergeBatch::awaited() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const PartState* part) { return part->part.persist; });
}

std::string MergeBatch::trace_id() const {
  for (const PartState* const part : parts_) {
    if (part->part.spans != nullptr) return tracing::TraceIdText(part->part.spans->commit);
  }
  return {};
}

// Whoever reads the entry goes on from the spans of the commit.
void MergeBatch::AddTraces() {
  for (const PartState* const part : parts_) {
    if (part->part.spans == nullptr) continue;
    const tracing::Context& commit = part->part.spans->commit;
    builder_.AddTrace({tracing::Traceparent(commit), commit.state});
  }
}

CommitRequest MergeBatch::BuildCommit(const state::Position& tail, int64_t now_ms) {
  CommitRequest request;
  request.tail = tail;
  builder_.Clear();
  changed_count_ = 0;
  for (size_t i = 0; i < maps_used_; ++i) maps_[i].feed_index.reset();
  for (size_t i = 0; i < used_; ++i) {
    if (cells_[i].changed) AddChange(cells_[i], {tail.incarnation, tail.n + 1}, now_ms);
  }
  AddTraces();
  entry_ = changed_count_ == 0 ? std::string() : builder_.Build(now_ms, awaited());
  request.entry = entry_;
  CollectWrites(request);
  return request;
}

void MergeBatch::AddChange(WorkCell& cell, const state::Position& version, int64_t now_ms) {
  ++changed_count_;
  state::CellView view = ViewOf(cell.current);
  view.version = version;
  view.commit_ms = now_ms;
  cell.encoded.clear();
  state::AppendCell(cell.encoded, view);
  BatchMap& map = *cell.map;
  if (!map.feed_index) map.feed_index = builder_.MapIndex(map.name);
  const bool was_live = cell.before.Live(now_ms);
  state::ChangeView change;
  change.kind = map.kind;
  change.flags = static_cast<uint8_t>((was_live ? state::kChangeWasLive : 0) |
                                      (cell.base.empty() ? state::kChangeCreated : 0) |
                                      (cell.tell_origin ? state::kChangeTellOrigin : 0));
  change.map = *map.feed_index;
  change.origin = builder_.OriginIndex(cell.origin);
  change.key = cell.pending.key;
  change.tag = cell.pending.tag;
  change.cell = cell.encoded;
  builder_.Add(change);
  map.fields_and_cells.push_back(cell.pending.field());
  map.fields_and_cells.push_back(cell.encoded);
}

// Maps that are written come first (docs/state-layout.md, "commit").
void MergeBatch::CollectWrites(CommitRequest& request) {
  for (const bool written : {true, false}) {
    for (size_t i = 0; i < maps_used_; ++i) {
      BatchMap& map = maps_[i];
      if (written == map.fields_and_cells.empty()) continue;
      request.map_ids.push_back(state::MapId(map.kind, map.name));
      if (written) request.cells.push_back({map.kind, map.name, map.fields_and_cells});
    }
  }
  for (size_t i = 0; i < maps_used_; ++i) maps_[i].fields_and_cells.clear();
}

}  // namespace topgun::sync
