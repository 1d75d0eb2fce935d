#include "support/fake_sync_service.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "state/cell.h"
#include "state/feed_entry.h"
#include "state/keys.h"
#include "topgun/crdt/v1/crdt.pb.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::support {

namespace v1 = topgun::sync::v1;

namespace {

constexpr uint64_t kIncarnation = 1;
const std::string kOne("\x01");

// One Watch stream. Guarded by the state's mutex.
struct WatchStream {
  grpc::ServerReaderWriter<v1::WatchReply, v1::WatchRequest>* stream = nullptr;
  std::set<uint32_t> shards = {};
  std::set<std::string> maps = {};
  uint64_t interest_id = 0;
};

struct Change {
  state::CellKind kind = state::CellKind::kLww;
  uint8_t flags = 0;
  std::string map = {};
  std::string origin = {};
  std::string key = {};
  std::string tag = {};
  std::string cell = {};
  uint64_t n = 0;
};

void SetPosition(uint64_t n, topgun::crdt::v1::Position* out) {
  out->set_incarnation(kIncarnation);
  out->set_n(n);
}

void AddChange(const Change& change, v1::WatchRange& range) {
  range.add_map_index(static_cast<uint32_t>(range.maps_size()));
  range.add_maps(change.map);
  range.add_origin_index(static_cast<uint32_t>(range.origins_size()));
  range.add_origins(change.origin);
  range.mutable_kinds()->push_back(static_cast<char>(change.kind));
  range.mutable_flags()->push_back(static_cast<char>(change.flags));
  range.mutable_keys()->append(change.key);
  range.add_key_lengths(static_cast<uint32_t>(change.key.size()));
  range.mutable_tags()->append(change.tag);
  range.add_tag_lengths(static_cast<uint32_t>(change.tag.size()));
  range.mutable_cells()->append(change.cell);
  range.add_cell_lengths(static_cast<uint32_t>(change.cell.size()));
  range.add_positions(change.n);
}

}  // namespace

class FakeSyncState {
 public:
  explicit FakeSyncState(uint32_t shard_count) : tails(shard_count), feeds(shard_count) {}

  struct Row {
    std::string value;
    int64_t millis = 0;
    bool live = false;
  };

  mutable std::mutex mutex;
  std::map<std::string, std::map<std::string, Row>> maps;
  std::vector<uint64_t> tails;
  std::vector<std::vector<Change>> feeds;
  std::set<WatchStream*> watchers;
  int32_t fail_code = 0;
  bool hold = false;
  size_t held = 0;
  size_t applied = 0;

  // The functions below want the mutex held.

  void ApplyOp(const v1::ApplyPart& part, int index, std::string key, std::string tag,
               std::string value) {
    const auto kind =
        static_cast<topgun::crdt::v1::OpKind>(part.kinds()[static_cast<size_t>(index)]);
    const bool is_or =
        kind == topgun::crdt::v1::OP_KIND_OR_ADD || kind == topgun::crdt::v1::OP_KIND_OR_REMOVE;
    const bool removes =
        kind == topgun::crdt::v1::OP_KIND_REMOVE || kind == topgun::crdt::v1::OP_KIND_OR_REMOVE;
    ++applied;
    Change change{.kind = is_or ? state::CellKind::kOr : state::CellKind::kLww,
                  .map = part.maps(static_cast<int>(part.map_index(index))),
                  .origin = part.origins(static_cast<int>(part.origin_index(index))),
                  .key = std::move(key),
                  .tag = std::move(tag)};
    if (!is_or) {
      Row& row = maps[change.map][change.key];
      if (row.millis >= part.millis(index) && row.millis != 0) return;  // stale or repeated
      if (row.live) change.flags |= state::kChangeWasLive;
      row = {.value = value, .millis = part.millis(index), .live = !removes};
    }
    state::CellView cell;
    cell.timestamp = {part.millis(index), part.counters(index),
                      part.nodes(static_cast<int>(part.node_index(index)))};
    cell.tombstone = removes;
    cell.value = removes ? std::string_view() : std::string_view(value);
    change.cell = state::EncodeCell(cell);
    Commit(part.shard(), std::move(change));
  }

  void Commit(uint32_t shard, Change change) {
    const uint64_t before = tails[shard]++;
    change.n = tails[shard];
    for (WatchStream* const watcher : watchers) {
      if (!watcher->shards.contains(shard)) continue;
      v1::WatchReply reply;
      v1::WatchRange& range = BeginRange(*watcher, shard, before, reply);
      if (watcher->maps.contains(change.map)) AddChange(change, range);
      watcher->stream->Write(reply);
    }
    feeds[shard].push_back(std::move(change));
  }

  v1::WatchRange& BeginRange(const WatchStream& watcher, uint32_t shard, uint64_t after,
                             v1::WatchReply& reply) {
    v1::WatchRange& range = *reply.add_ranges();
    range.set_shard(shard);
    range.set_interest_id(watcher.interest_id);
    SetPosition(after, range.mutable_after());
    SetPosition(tails[shard], range.mutable_upto());
    return range;
  }

  void Handle(WatchStream& watcher, const v1::WatchRequest& request) {
    watcher.maps.insert(request.add_maps().begin(), request.add_maps().end());
    for (const std::string& map : request.remove_maps()) watcher.maps.erase(map);
    watcher.interest_id = request.interest_id();
    for (const uint32_t shard : request.stop_shards()) watcher.shards.erase(shard);
    v1::WatchReply reply;
    for (const uint32_t shard : watcher.shards) BeginRange(watcher, shard, tails[shard], reply);
    for (const v1::WatchShard& wanted : request.shards()) {
      watcher.shards.insert(wanted.shard());
      const uint64_t after = wanted.has_after() ? wanted.after().n() : tails[wanted.shard()];
      v1::WatchRange& range = BeginRange(watcher, wanted.shard(), after, reply);
      for (const Change& change : feeds[wanted.shard()]) {
        if (change.n > after && watcher.maps.contains(change.map)) AddChange(change, range);
      }
    }
    watcher.stream->Write(reply);
  }
};

namespace {

class Service final : public v1::Sync::Service {
 public:
  explicit Service(std::shared_ptr<FakeSyncState> state) : state_(std::move(state)) {}

  grpc::Status Apply(grpc::ServerContext* /*context*/,
                     grpc::ServerReaderWriter<v1::ApplyReply, v1::ApplyRequest>* stream) override {
    for (v1::ApplyRequest request; stream->Read(&request);) {
      v1::ApplyReply reply;
      {
        const std::lock_guard lock(state_->mutex);
        for (const v1::ApplyPart& part : request.parts()) ApplyPart(part, reply);
      }
      if (reply.results_size() + reply.accepted_size() > 0) stream->Write(reply);
    }
    return grpc::Status::OK;
  }

  grpc::Status Watch(grpc::ServerContext* /*context*/,
                     grpc::ServerReaderWriter<v1::WatchReply, v1::WatchRequest>* stream) override {
    WatchStream watcher{.stream = stream};
    for (v1::WatchRequest request; stream->Read(&request);) {
      const std::lock_guard lock(state_->mutex);
      state_->watchers.insert(&watcher);
      state_->Handle(watcher, request);
    }
    const std::lock_guard lock(state_->mutex);
    state_->watchers.erase(&watcher);
    return grpc::Status::OK;
  }

  grpc::Status ReadMap(grpc::ServerContext* /*context*/, const v1::ReadMapRequest* request,
                       grpc::ServerWriter<v1::ReadMapChunk>* writer) override {
    const std::lock_guard lock(state_->mutex);
    v1::ReadMapChunk chunk;
    uint32_t rows = 0;
    for (const auto& [key, row] : state_->maps[request->map()]) {
      if (!row.live) continue;
      if (rows++ == request->rows_max()) {
        chunk.set_has_more(true);
        break;
      }
      chunk.mutable_keys()->append(key);
      chunk.add_key_lengths(static_cast<uint32_t>(key.size()));
      chunk.mutable_values()->append(row.value);
      chunk.add_value_lengths(static_cast<uint32_t>(row.value.size()));
    }
    for (const uint64_t tail : state_->tails) SetPosition(tail, chunk.add_positions());
    writer->Write(chunk);
    return grpc::Status::OK;
  }

 private:
  void ApplyPart(const v1::ApplyPart& part, v1::ApplyReply& reply) {
    if (state_->hold) {
      ++state_->held;
      if (part.report_accepted()) reply.add_accepted(part.part_id());
      return;
    }
    v1::PartResult& result = *reply.add_results();
    result.set_part_id(part.part_id());
    result.set_code(state_->fail_code);
    if (state_->fail_code != 0) return;
    size_t key_at = 0;
    size_t tag_at = 0;
    size_t value_at = 0;
    for (int i = 0; i < static_cast<int>(part.kinds().size()); ++i) {
      const auto take = [i](const std::string& column, const auto& lengths, size_t& at) {
        const size_t begin = std::exchange(at, at + lengths.Get(i));
        return column.substr(begin, lengths.Get(i));
      };
      state_->ApplyOp(part, i, take(part.keys(), part.key_lengths(), key_at),
                      take(part.tags(), part.tag_lengths(), tag_at),
                      take(part.values(), part.value_lengths(), value_at));
    }
    SetPosition(state_->tails[part.shard()], result.mutable_position());
    result.set_outcomes(std::string(part.kinds().size(), topgun::crdt::v1::OUTCOME_APPLIED));
  }

  const std::shared_ptr<FakeSyncState> state_;
};

}  // namespace

struct FakeSyncServer::Impl {
  explicit Impl(std::shared_ptr<FakeSyncState> state) : service(std::move(state)) {}
  Service service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

FakeSyncServer::FakeSyncServer(std::shared_ptr<FakeSyncState> state, uint16_t port)
    : impl_(std::make_unique<Impl>(std::move(state))) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(),
                           &impl_->port);
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.RegisterService(&impl_->service);
  impl_->server = builder.BuildAndStart();
}

FakeSyncServer::~FakeSyncServer() {
  if (impl_->server) impl_->server->Shutdown(std::chrono::system_clock::now());
}

uint16_t FakeSyncServer::port() const { return static_cast<uint16_t>(impl_->port); }

std::shared_ptr<FakeSyncState> MakeFakeSyncState(uint32_t shard_count) {
  return std::make_shared<FakeSyncState>(shard_count);
}

void FailParts(FakeSyncState& state, int32_t code) {
  const std::lock_guard lock(state.mutex);
  state.fail_code = code;
}

void HoldParts(FakeSyncState& state, bool hold) {
  const std::lock_guard lock(state.mutex);
  state.hold = hold;
}

size_t HeldParts(const FakeSyncState& state) {
  const std::lock_guard lock(state.mutex);
  return state.held;
}

size_t AppliedOps(const FakeSyncState& state) {
  const std::lock_guard lock(state.mutex);
  return state.applied;
}

void Persist(FakeSyncState& state) {
  const std::lock_guard lock(state.mutex);
  for (WatchStream* const watcher : state.watchers) {
    v1::WatchReply reply;
    for (const uint32_t shard : watcher->shards) {
      v1::ShardPosition& persisted = *reply.add_persisted();
      persisted.set_shard(shard);
      SetPosition(state.tails[shard], persisted.mutable_position());
    }
    watcher->stream->Write(reply);
  }
}

void MakeGap(FakeSyncState& state, const std::string& map, const std::vector<std::string>& keys) {
  const std::lock_guard lock(state.mutex);
  for (const std::string& key : keys) state.maps[map][key] = {kOne, 1, true};
  for (uint64_t& tail : state.tails) ++tail;
  for (WatchStream* const watcher : state.watchers) {
    v1::WatchReply reply;
    for (const uint32_t shard : watcher->shards) {
      state.BeginRange(*watcher, shard, state.tails[shard] - 1, reply).set_gap(true);
    }
    watcher->stream->Write(reply);
  }
}

}  // namespace topgun::support
