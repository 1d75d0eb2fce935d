#include "backend/map_reader.h"

#include <memory>
#include <utility>

namespace topgun::gateway {
namespace {

// One read over all its attempts; gRPC's thread only moves the chunks' bytes.
struct MapRead {
  sync::v1::ReadMapRequest request;
  std::shared_ptr<MapSnapshot> snapshot;
};

// Takes the chunk's bytes over. False when its columns do not fit together.
bool AppendChunk(sync::v1::ReadMapChunk& chunk, MapSnapshot& snapshot) {
  if (chunk.key_lengths_size() != chunk.value_lengths_size() ||
      chunk.expiry_index_size() != chunk.expires_ms_size()) {
    return false;
  }
  const size_t first_row = snapshot.rows.size();
  for (int i = 0; i < chunk.expiry_index_size(); ++i) {
    const uint32_t row = chunk.expiry_index(i);
    if (row >= static_cast<uint32_t>(chunk.key_lengths_size())) return false;
    if (i > 0 && row <= chunk.expiry_index(i - 1)) return false;
    snapshot.expiries.push_back({.row = first_row + row, .expires_ms = chunk.expires_ms(i)});
  }
  std::string_view keys = snapshot.bytes.emplace_back(std::move(*chunk.mutable_keys()));
  std::string_view values = snapshot.bytes.emplace_back(std::move(*chunk.mutable_values()));
  for (int i = 0; i < chunk.key_lengths_size(); ++i) {
    const size_t key = chunk.key_lengths(i);
    const size_t value = chunk.value_lengths(i);
    if (key > keys.size() || value > values.size()) return false;
    snapshot.rows.push_back({.key = keys.substr(0, key), .value = values.substr(0, value)});
    keys.remove_prefix(key);
    values.remove_prefix(value);
  }
  for (const auto& position : chunk.positions()) {
    snapshot.positions.push_back({position.incarnation(), position.n()});
  }
  snapshot.has_more = snapshot.has_more || chunk.has_more();
  return true;
}

void Begin(const std::shared_ptr<MapRead>& read, Replica& replica, grpc::ClientContext& context,
           RetryingCalls::Ended ended) {
  read->snapshot = std::make_shared<MapSnapshot>();
  auto* const reader = new ChunkReader<sync::v1::ReadMapChunk>(
      [read](sync::v1::ReadMapChunk& chunk) { return AppendChunk(chunk, *read->snapshot); },
      std::move(ended));
  replica.stub().async()->ReadMap(&context, &read->request, reader);
  reader->Begin();
}

}  // namespace

void GrpcMapReader::Read(const std::string& map, Done done) {
  const auto read = std::make_shared<MapRead>();
  read->request.set_map(map);
  read->request.set_rows_max(kRowsMax);
  calls_.Run(
      "ReadMap", "map/" + map,
      [read](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        Begin(read, replica, context, std::move(ended));
      },
      [read, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(std::shared_ptr<const MapSnapshot>(std::move(read->snapshot)));
      });
}

}  // namespace topgun::gateway
