// Snapshots: the parts of all loops' views, merged by key or in the order of a query, and cut into
// chunks.
#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/collector.h"
#include "service/gathering_stream.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

constexpr size_t kMapChunkBytes = 1u << 20;

// Ascending keys; the loops' parts are sorted already.
Snapshot MergeParts(std::vector<Snapshot> parts, size_t rows_max) {
  Snapshot merged;
  for (Snapshot& part : parts) {
    const auto middle = static_cast<std::ptrdiff_t>(merged.rows.size());
    std::move(part.rows.begin(), part.rows.end(), std::back_inserter(merged.rows));
    std::inplace_merge(merged.rows.begin(), merged.rows.begin() + middle, merged.rows.end(),
                       [](const Row& a, const Row& b) { return a.key < b.key; });
    merged.positions.insert(merged.positions.end(), part.positions.begin(), part.positions.end());
    merged.live_rows += part.live_rows;
  }
  if (merged.rows.size() > rows_max) merged.rows.resize(rows_max);
  return merged;
}

void AddRow(const Row& row, v1::ReadMapChunk& chunk) {
  if (row.expires_ms.has_value()) {
    chunk.add_expiry_index(static_cast<uint32_t>(chunk.key_lengths_size()));
    chunk.add_expires_ms(*row.expires_ms);
  }
  chunk.mutable_keys()->append(row.key);
  chunk.add_key_lengths(static_cast<uint32_t>(row.key.size()));
  chunk.mutable_values()->append(row.value);
  chunk.add_value_lengths(static_cast<uint32_t>(row.value.size()));
}

std::deque<v1::ReadMapChunk> CutChunks(Snapshot snapshot) {
  std::sort(snapshot.positions.begin(), snapshot.positions.end(),
            [](const ShardPosition& a, const ShardPosition& b) { return a.shard < b.shard; });
  std::deque<v1::ReadMapChunk> chunks(1);
  for (const Row& row : snapshot.rows) {
    if (chunks.back().keys().size() + chunks.back().values().size() > kMapChunkBytes) {
      chunks.emplace_back();
    }
    AddRow(row, chunks.back());
  }
  v1::ReadMapChunk& last = chunks.back();
  last.set_live_rows(snapshot.live_rows);
  last.set_has_more(snapshot.live_rows > snapshot.rows.size());
  for (const ShardPosition& position : snapshot.positions) {
    auto* out = last.add_positions();
    out->set_incarnation(position.position.incarnation);
    out->set_n(position.position.n);
  }
  return chunks;
}

using MapStream = GatheringStream<Snapshot, v1::ReadMapChunk>;

StatusOr<Selection> DecodeSelection(const v1::ReadMapRequest& request) {
  const v1::MapQuery& query = request.query();
  query::QueryText text;
  text.where = query.where();
  text.predicate = query.predicate();
  text.sort = query.sort();
  text.group_by = query.group_by();
  text.aggregations = query.aggregations();
  Selection selection;
  ASSIGN_OR_RETURN(selection.query, query::Query::Parse(text));
  selection.rows_max = request.rows_max();
  if (query.has_after()) selection.after = query.after();
  return selection;
}

// On a loop that depends on the map, so that different ones share the work.
void MergeSelected(LoopSet& loops, const std::string& map,
                   std::shared_ptr<const Selection> selection, std::vector<Selected> selected,
                   const std::shared_ptr<MapStream>& stream) {
  const size_t loop = std::hash<std::string>()(map) % loops.loop_count();
  const auto parts = std::make_shared<std::vector<Selected>>(std::move(selected));
  const bool posted = loops.Post(loop, [&loops, loop, selection, parts, stream] {
    loops.ViewsOf(loop).merges().Add(
        selection, std::move(*parts), [stream] { return !stream->finished(); },
        [stream](StatusOr<Snapshot> whole) { stream->Add(std::move(whole)); });
  });
  if (!posted) stream->Add(Unavailable("shutting down"));
}

}  // namespace

grpc::ServerWriteReactor<v1::ReadMapChunk>* SyncService::ReadMap(
    grpc::CallbackServerContext* /*context*/, const v1::ReadMapRequest* request) {
  if (request->has_query()) return SelectRows(*request);
  const size_t rows_max = request->rows_max();
  const auto stream =
      std::make_shared<MapStream>(loops_.loop_count(), [rows_max](std::vector<Snapshot> parts) {
        return CutChunks(MergeParts(std::move(parts), rows_max));
      });
  auto* const reactor = MapStream::ReactorOf(stream);
  for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
    const bool posted = loops_.Post(loop, [this, loop, stream, rows_max, map = request->map()] {
      loops_.ViewsOf(loop).Read(
          map, rows_max, [stream](StatusOr<Snapshot> part) { stream->Add(std::move(part)); });
    });
    if (!posted) stream->Add(Unavailable("shutting down"));
  }
  return reactor;
}

grpc::ServerWriteReactor<v1::ReadMapChunk>* SyncService::SelectRows(
    const v1::ReadMapRequest& request) {
  StatusOr<Selection> decoded = DecodeSelection(request);
  const Status status = decoded.status();
  const auto selection =
      std::make_shared<const Selection>(std::move(decoded).value_or(Selection{}));
  const auto stream = std::make_shared<MapStream>(
      1, [](std::vector<Snapshot> whole) { return CutChunks(std::move(whole.front())); });
  auto* const reactor = MapStream::ReactorOf(stream);
  if (!status.ok()) stream->Add(Annotate(status, "query"));
  const auto parts = std::make_shared<Collector<Selected>>(
      loops_.loop_count(),
      [this, stream, selection, map = request.map()](StatusOr<std::vector<Selected>> selected) {
        if (!selected.ok()) return stream->Add(selected.status());
        MergeSelected(loops_, map, selection, *std::move(selected), stream);
      });
  for (size_t loop = 0; status.ok() && loop < loops_.loop_count(); ++loop) {
    const bool posted =
        loops_.Post(loop, [this, loop, stream, parts, selection, map = request.map()] {
          loops_.ViewsOf(loop).Select(
              map, selection, [stream] { return !stream->finished(); },
              [parts](StatusOr<Selected> part) { parts->Add(std::move(part)); });
        });
    if (!posted) parts->Add(Unavailable("shutting down"));
  }
  return reactor;
}

}  // namespace topgun::sync
