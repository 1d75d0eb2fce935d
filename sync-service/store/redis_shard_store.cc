#include "store/redis_shard_store.h"

#include <map>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "map_census.h"
#include "shard_replies.h"
#include "state/feed_entry.h"

namespace topgun::sync {

namespace {

using redis::Reply;
using redis::ReplyView;

std::optional<state::MapIdView> ParseId(std::string_view map_id) {
  state::MapIdView id;
  if (!state::ParseMapId(map_id, &id)) return std::nullopt;
  return id;
}

// Collects the replies of several HMGET into one answer, in the order of the references.
struct CellsReader {
  std::vector<std::optional<std::string>> cells;
  size_t open = 0;
  Status failure;
  Callback<std::vector<std::optional<std::string>>> callback;

  void Finish() {
    if (--open != 0) return;
    if (failure.ok()) {
      callback(std::move(cells));
    } else {
      callback(failure);
    }
  }
};

}  // namespace

RedisShardStore::RedisShardStore(redis::Route& route, state::ShardKeys keys,
                                 uint64_t unpersisted_bytes_max,
                                 std::unique_ptr<WatchedShard> watched)
    : route_(route),
      keys_(std::move(keys)),
      unpersisted_bytes_max_(unpersisted_bytes_max),
      watched_(std::move(watched)) {}

void RedisShardStore::Close() {
  if (watched_ != nullptr) watched_->Close();
}

void RedisShardStore::ReadMeta(Callback<ShardMeta> callback) {
  route_.Send({"HMGET", keys_.meta(), "run", "inc", "n", "bytes", "pinc", "pn"},
              [callback = std::move(callback)](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(ParseMeta(ReplyView(reply->get())));
              });
}

void RedisShardStore::ReadCells(const std::vector<CellRef>& cells,
                                Callback<std::vector<std::optional<std::string>>> callback) {
  std::map<std::pair<state::CellKind, std::string_view>, std::vector<size_t>> by_map;
  for (size_t i = 0; i < cells.size(); ++i) by_map[{cells[i].kind, cells[i].map}].push_back(i);
  auto reader = std::make_shared<CellsReader>();
  reader->cells.resize(cells.size());
  reader->open = by_map.size();
  reader->callback = std::move(callback);
  std::vector<std::string_view> args;
  for (auto& [map, indices] : by_map) {
    const std::string hash = keys_.Cells(map.first, map.second);
    args.assign({"HMGET", hash});
    for (const size_t index : indices) args.push_back(cells[index].field);
    route_.Send(args, [reader, indices = std::move(indices)](StatusOr<Reply> reply) {
      if (!reply.ok()) {
        reader->failure = reply.status();
        return reader->Finish();
      }
      const ReplyView fields(reply->get());
      for (size_t i = 0; i < indices.size() && i < fields.size(); ++i) {
        if (!fields[i].is_nil()) reader->cells[indices[i]] = std::string(fields[i].str());
      }
      reader->Finish();
    });
  }
}

void RedisShardStore::Commit(CommitRequest request, Callback<CommitReply> callback) {
  if (watched_ == nullptr || !watched_->Fits(request, unpersisted_bytes_max_)) {
    return CommitByScript(request, std::move(callback));
  }
  // Kept for the script, which decides when the shard turns out to be another than it seemed.
  const auto kept = std::make_shared<const CommitRequest>(std::move(request));
  watched_->Commit(*kept, [this, kept, callback = std::move(callback)](
                              StatusOr<std::optional<CommitReply>> reply) {
    if (!reply.ok()) return callback(reply.status());
    if (!reply->has_value()) return CommitByScript(*kept, callback);
    callback(**std::move(reply));
  });
}

void RedisShardStore::CommitByScript(const CommitRequest& request, Callback<CommitReply> callback) {
  std::vector<std::string> owned;  // key names and numbers
  owned.reserve(request.cells.size() * 2 + 5);
  std::vector<std::string_view> args{keys_.meta(), keys_.feed(), keys_.maps(), keys_.unloaded()};
  for (const CellWrites& writes : request.cells) {
    args.push_back(owned.emplace_back(keys_.Cells(writes.kind, writes.map)));
  }
  const size_t key_count = args.size();
  args.push_back(route_.run());
  args.push_back(owned.emplace_back(std::to_string(request.tail.incarnation)));
  args.push_back(owned.emplace_back(std::to_string(request.tail.n)));
  args.push_back(owned.emplace_back(std::to_string(unpersisted_bytes_max_)));
  args.push_back(request.entry);
  args.push_back(owned.emplace_back(std::to_string(request.map_ids.size())));
  args.insert(args.end(), request.map_ids.begin(), request.map_ids.end());
  for (const CellWrites& writes : request.cells) {
    args.push_back(owned.emplace_back(std::to_string(writes.fields_and_cells.size() / 2)));
    args.insert(args.end(), writes.fields_and_cells.begin(), writes.fields_and_cells.end());
  }
  route_.Eval(
      state::CommitScript(), key_count, args,
      [this, callback = std::move(callback)](StatusOr<Reply> reply) {
        if (!reply.ok()) return callback(reply.status());
        CommitReply outcome = ParseCommit(ReplyView(reply->get()));
        if (watched_ == nullptr || outcome.code != state::CommitCode::kCommitted) {
          return callback(std::move(outcome));
        }
        watched_->AfterScript([callback, outcome = std::move(outcome)] { callback(outcome); });
      });
}

void RedisShardStore::Prune(const PruneRequest& request, Callback<CommitReply> callback) {
  const std::string horizons = keys_.Cells(state::CellKind::kLww, state::kHorizonMap);
  const std::string cells = keys_.Cells(request.kind, request.map);
  const std::string incarnation = std::to_string(request.tail.incarnation);
  const std::string n = std::to_string(request.tail.n);
  const std::string map_id = state::MapId(request.kind, request.map);
  const std::string horizon_map_id = state::MapId(state::CellKind::kLww, state::kHorizonMap);
  const std::string horizon_count = std::to_string(request.horizons.size() / 2);
  const std::string limit = std::to_string(unpersisted_bytes_max_);
  std::vector<std::string_view> args{keys_.meta(),     keys_.feed(), keys_.maps(),
                                     keys_.unloaded(), horizons,     cells};
  const size_t key_count = args.size();
  args.insert(args.end(), {route_.run(), incarnation, n, limit, request.entry, map_id,
                           horizon_map_id, horizon_count});
  args.insert(args.end(), request.horizons.begin(), request.horizons.end());
  args.insert(args.end(), request.fields.begin(), request.fields.end());
  route_.Eval(state::PruneScript(), key_count, args,
              [callback = std::move(callback)](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(ParseCommit(ReplyView(reply->get())));
              });
}

void RedisShardStore::ClaimSweep(int64_t interval_ms, Callback<bool> callback) {
  route_.Send({"SET", keys_.sweep(), "1", "NX", "PX", std::to_string(interval_ms)},
              [callback = std::move(callback)](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(!ReplyView(reply->get()).is_nil());
              });
}

void RedisShardStore::ReadFeed(const state::Position& after, size_t count,
                               Callback<std::vector<FeedRecord>> callback) {
  const std::string start = "(" + state::ToString(after);
  route_.Send({"XRANGE", keys_.feed(), start, "+", "COUNT", std::to_string(count)},
              [callback = std::move(callback)](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(ParseFeed(ReplyView(reply->get())));
              });
}

// A cursor means nothing to another process: each has its own order of fields, so going on there
// would miss some. Cursors that go on carry the run they belong to.
void RedisShardStore::Scan(state::CellKind kind, std::string_view map, std::string_view cursor,
                           Callback<ScanChunk> callback) {
  const size_t space = cursor.find(' ');
  if (space != std::string_view::npos && cursor.substr(space + 1) != route_.run()) {
    return callback(Unavailable("this scan began at another Redis"));
  }
  route_.Send({"HSCAN", keys_.Cells(kind, map), cursor.substr(0, space), "COUNT", "500"},
              [callback = std::move(callback), run = route_.run()](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(ParseScan(ReplyView(reply->get()), run));
              });
}

void RedisShardStore::ListMaps(Callback<std::vector<MapSize>> callback) {
  MapCensus::Take(route_, keys_, std::move(callback));
}

void RedisShardStore::KnowsMap(std::string_view map_id, Callback<bool> callback) {
  // Replies come in the order of the commands.
  auto in_maps = std::make_shared<StatusOr<bool>>(false);
  route_.Send({"HEXISTS", keys_.maps(), map_id}, [in_maps](StatusOr<Reply> reply) {
    if (!reply.ok()) {
      *in_maps = reply.status();
    } else {
      *in_maps = ReplyView(reply->get()).integer() == 1;
    }
  });
  IsUnloaded(map_id, [in_maps, callback = std::move(callback)](const StatusOr<bool>& unloaded) {
    if (!in_maps->ok() || !unloaded.ok()) {
      return callback(in_maps->ok() ? unloaded.status() : in_maps->status());
    }
    callback(**in_maps || *unloaded);
  });
}

void RedisShardStore::IsUnloaded(std::string_view map_id, Callback<bool> callback) {
  route_.Send({"HEXISTS", keys_.unloaded(), map_id},
              [callback = std::move(callback)](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(ReplyView(reply->get()).integer() == 1);
              });
}

// A Redis that restarts may have lost chunks it confirmed, while its append-only file still holds
// the token: the run makes the token worthless then.
std::string RedisShardStore::BoundToken(std::string_view token) const {
  return route_.run() + ":" + std::string(token);
}

void RedisShardStore::HydrateBegin(std::string_view map_id, std::string_view token,
                                   Callback<std::optional<state::Position>> callback) {
  const std::string bound = BoundToken(token);
  const std::vector<std::string_view> args{keys_.unloaded(), keys_.loading(), map_id, bound};
  route_.Eval(state::HydrateBeginScript(), 2, args,
              [callback = std::move(callback)](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                const ReplyView fields(reply->get());
                if (fields[0].integer() == 0) return callback(std::nullopt);
                callback(state::ParsePosition(fields[1].str()).value_or(state::Position{}));
              });
}

void RedisShardStore::HydrateChunk(std::string_view map_id, std::string_view token,
                                   const std::vector<HydrateWrite>& writes,
                                   Callback<std::vector<size_t>> callback) {
  const auto id = ParseId(map_id);
  if (!id.has_value()) return callback(InvalidArgument("malformed map id"));
  const std::string cells = keys_.Cells(id->kind, id->map);
  const std::string count = std::to_string(writes.size());
  const std::string bound = BoundToken(token);
  std::vector<std::string_view> args{keys_.loading(), cells, map_id, bound, count};
  for (const HydrateWrite& write : writes) {
    args.insert(args.end(), {write.field, write.expected, write.cell});
  }
  route_.Eval(state::HydrateChunkScript(), 2, args,
              [callback = std::move(callback)](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(ParseClashes(ReplyView(reply->get())));
              });
}

void RedisShardStore::HydrateFinish(std::string_view map_id, std::string_view token,
                                    StatusCallback callback) {
  const auto id = ParseId(map_id);
  if (!id.has_value()) return callback(InvalidArgument("malformed map id"));
  state::FeedEntryBuilder builder;
  builder.MapIndex(id->map);
  const std::string entry = builder.Build(SystemClock().NowMs());
  const std::string bound = BoundToken(token);
  const std::vector<std::string_view> args{
      keys_.unloaded(), keys_.loading(), keys_.meta(), keys_.feed(),
      keys_.maps(),     map_id,          bound,        entry};
  route_.Eval(state::HydrateFinishScript(), 5, args,
              [callback = std::move(callback)](StatusOr<Reply> reply) {
                if (!reply.ok()) return callback(reply.status());
                const bool current = ReplyView(reply->get())[0].integer() == 1;
                callback(current ? OkStatus() : Aborted("stale load token"));
              });
}

}  // namespace topgun::sync
