// Snapshots: the parts of all loops' views, merged by key and cut into chunks.
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

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
  std::sort(merged.positions.begin(), merged.positions.end(),
            [](const ShardPosition& a, const ShardPosition& b) { return a.shard < b.shard; });
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

std::deque<v1::ReadMapChunk> CutChunks(const Snapshot& snapshot) {
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

}  // namespace

grpc::ServerWriteReactor<v1::ReadMapChunk>* SyncService::ReadMap(
    grpc::CallbackServerContext* /*context*/, const v1::ReadMapRequest* request) {
  using Stream = GatheringStream<Snapshot, v1::ReadMapChunk>;
  const size_t rows_max = request->rows_max();
  const auto stream =
      std::make_shared<Stream>(loops_.loop_count(), [rows_max](std::vector<Snapshot> parts) {
        return CutChunks(MergeParts(std::move(parts), rows_max));
      });
  auto* const reactor = Stream::ReactorOf(stream);
  for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
    const bool posted = loops_.Post(loop, [this, loop, stream, rows_max, map = request->map()] {
      loops_.ViewsOf(loop).Read(
          map, rows_max, [stream](StatusOr<Snapshot> part) { stream->Add(std::move(part)); });
    });
    if (!posted) stream->Add(Unavailable("shutting down"));
  }
  return reactor;
}

}  // namespace topgun::sync
