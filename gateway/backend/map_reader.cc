#include "backend/map_reader.h"

#include <memory>
#include <utility>

namespace topgun::gateway {
namespace {

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

}  // namespace

// One read over all its attempts; gRPC's thread only moves the chunks' bytes.
struct GrpcMapReader::MapRead {
  sync::v1::ReadMapRequest request;
  std::shared_ptr<MapSnapshot> snapshot;

  static void Begin(const std::shared_ptr<MapRead>& read, Replica& replica,
                    grpc::ClientContext& context, RetryingCalls::Ended ended) {
    read->snapshot = std::make_shared<MapSnapshot>();
    auto* const reader = new ChunkReader<sync::v1::ReadMapChunk>(
        [read](sync::v1::ReadMapChunk& chunk) { return AppendChunk(chunk, *read->snapshot); },
        std::move(ended));
    replica.stub().async()->ReadMap(&context, &read->request, reader);
    reader->Begin();
  }
};

void GrpcMapReader::Read(const std::string& map, Done done) {
  auto read = std::make_shared<MapRead>();
  read->request.set_map(map);
  read->request.set_rows_max(kRowsMax);
  Run(std::move(read), std::move(done));
}

void GrpcMapReader::ReadQuery(const std::string& map, const MapQuery& query, uint32_t rows_max,
                              Done done) {
  auto read = std::make_shared<MapRead>();
  read->request.set_map(map);
  read->request.set_rows_max(rows_max);
  sync::v1::MapQuery& wanted = *read->request.mutable_query();
  wanted.set_where(std::string(query.where));
  wanted.set_predicate(std::string(query.predicate));
  wanted.set_sort(std::string(query.sort));
  wanted.set_group_by(std::string(query.group_by));
  wanted.set_aggregations(std::string(query.aggregations));
  if (query.after) wanted.set_after(std::string(*query.after));
  Run(std::move(read), std::move(done));
}

void GrpcMapReader::Run(std::shared_ptr<MapRead> read, Done done) {
  calls_.Run(
      "ReadMap", "map/" + read->request.map(),
      [read](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        MapRead::Begin(read, replica, context, std::move(ended));
      },
      [read, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(std::shared_ptr<const MapSnapshot>(std::move(read->snapshot)));
      });
}

}  // namespace topgun::gateway
