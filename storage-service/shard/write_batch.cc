#include "shard/write_batch.h"

#include "absl/hash/hash.h"
#include "base/status.h"

namespace topgun::storage {

size_t WriteBatch::CellIdHash::operator()(const CellId& id) const {
  return absl::HashOf(id.kind, ToAbsl(id.map), ToAbsl(id.key), ToAbsl(id.tag));
}

bool WriteBatch::AddEntry(state::Position position, uint64_t cumulative_bytes,
                          std::string_view entry) {
  if (!state::DecodeFeedEntry(Keep(entry), &decoded_)) {
    held_bytes_ -= entry.size();
    kept_.pop_back();
    return false;
  }
  for (const state::ChangeView& change : decoded_.changes) {
    Put({change.kind, decoded_.maps[change.map], change.key, change.tag, change.cell,
         (change.flags & state::kChangePruned) != 0, (change.flags & state::kChangeCreated) != 0});
  }
  if (oldest_wall_ms_ == 0) oldest_wall_ms_ = decoded_.wall_ms;
  awaited_ = awaited_ || decoded_.awaited;
  if (!decoded_.traces.empty()) KeepTraces();
  AdvanceTo(position, cumulative_bytes);
  return true;
}

// Of the entry that was decoded last.
void WriteBatch::KeepTraces() {
  const tracing::Time now = std::chrono::steady_clock::now();
  for (const state::TraceView& trace : decoded_.traces) {
    if (traces_.size() == kTracesMax) return;
    auto context = tracing::ParseContext(trace.traceparent, trace.tracestate);
    if (context) traces_.push_back({*std::move(context), now});
  }
}

void WriteBatch::AddCell(const CellRow& row) {
  Put({row.kind, Keep(row.map), Keep(row.key), Keep(row.tag), Keep(row.cell), row.pruned,
       row.created});
}

void WriteBatch::AdvanceTo(state::Position to, uint64_t cumulative_bytes) {
  to_ = to;
  bytes_ = cumulative_bytes;
}

std::string_view WriteBatch::Keep(std::string_view bytes) {
  held_bytes_ += bytes.size();
  return kept_.emplace_back(bytes);
}

void WriteBatch::Put(const CellRow& row) {
  ++changes_;
  const auto [place, added] = index_.try_emplace(CellId{row.kind, row.map, row.key, row.tag},
                                                 static_cast<uint32_t>(rows_.size()));
  if (added) {
    rows_.push_back(row);
  } else {
    // `created` stays that of the first change: it tells what Postgres has before the batch.
    rows_[place->second].cell = row.cell;
    rows_[place->second].pruned = row.pruned;
  }
}

}  // namespace topgun::storage
