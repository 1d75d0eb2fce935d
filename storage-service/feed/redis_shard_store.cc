#include "feed/redis_shard_store.h"

#include <algorithm>

#include "async/await.h"
#include "state/feed_entry.h"
#include "state/scripts.h"

namespace topgun::storage {
namespace {

using redis::Reply;
using redis::ReplyView;

constexpr std::string_view kScanCount = "500";

uint64_t Unsigned(const ReplyView& value) { return static_cast<uint64_t>(value.integer()); }

}  // namespace

RedisShardStore::RedisShardStore(redis::Client& client, std::string_view prefix,
                                 uint32_t shard_count)
    : shard_count_(shard_count),
      shard_count_key_(state::ShardCountKey(prefix)),
      persisted_channel_(std::string(prefix) + ":persisted"),
      shard_count_route_(client.AddRoute(shard_count_key_)) {
  for (uint32_t shard = 0; shard < shard_count; ++shard) {
    const state::ShardKeys keys(prefix, shard, shard_count);
    shards_.push_back({client.AddRoute(keys.meta()), keys});
  }
}

awaitable<StatusOr<Reply>> RedisShardStore::Send(redis::Route& route, Args args) {
  auto start = [&route, &args](redis::Route::Callback done) {
    route.Send(redis::Route::Args(args), std::move(done));
  };
  co_return co_await Await<StatusOr<Reply>>(start);
}

awaitable<StatusOr<Reply>> RedisShardStore::Eval(redis::Route& route, const state::Script& script,
                                                 size_t key_count, Args args) {
  auto start = [&](redis::Route::Callback done) {
    route.Eval(script, key_count, args, std::move(done));
  };
  co_return co_await Await<StatusOr<Reply>>(start);
}

awaitable<StatusOr<ShardMeta>> RedisShardStore::ReadMeta(uint32_t shard) {
  const Shard& at = shards_[shard];
  Args args = {"HMGET", at.keys.meta(), "run", "inc", "n", "bytes", "pinc", "pn", "pbytes"};
  const StatusOr<Reply> reply = co_await Send(at.route, std::move(args));
  if (!reply.ok()) co_return reply.status();
  const ReplyView fields(reply->get());
  ShardMeta meta;
  meta.run = fields[0].str();
  meta.tail = {Unsigned(fields[1]), Unsigned(fields[2])};
  meta.bytes = Unsigned(fields[3]);
  meta.persisted = {Unsigned(fields[4]), Unsigned(fields[5])};
  meta.persisted_bytes = Unsigned(fields[6]);
  co_return meta;
}

awaitable<StatusOr<bool>> RedisShardStore::Open(uint32_t shard, OpenRequest request) {
  const Shard& at = shards_[shard];
  const state::ShardKeys& keys = at.keys;
  const std::string entry = state::EncodeMarker(request.wall_ms, request.tail);
  const std::string numbers[] = {
      std::to_string(request.marker.incarnation), std::to_string(request.marker.n),
      std::to_string(request.tail.incarnation), std::to_string(request.tail.n)};
  std::vector<std::string> floors;
  floors.reserve(request.unloaded.size());
  Args args = {keys.meta(), keys.feed(), keys.unloaded(), keys.maps(), keys.loading(), request.run,
               numbers[0],  numbers[1],  numbers[2],      numbers[3],  entry};
  for (const MapFloor& map : request.unloaded) {
    args.push_back(map.map_id);
    args.push_back(floors.emplace_back(state::ToString(map.floor)));
  }
  // An emptied Redis has forgotten this one too.
  const std::string shard_count = std::to_string(shard_count_);
  shard_count_route_.Send({"SET", shard_count_key_, shard_count, "NX"},
                          [](const StatusOr<Reply>&) {});
  const StatusOr<Reply> reply = co_await Eval(at.route, state::OpenScript(), 5, std::move(args));
  if (!reply.ok()) co_return reply.status();
  co_return ReplyView(reply->get())[0].integer() == 1;
}

awaitable<Status> RedisShardStore::PublishPersisted(uint32_t shard, uint64_t incarnation,
                                                    Position position, uint64_t bytes,
                                                    Position trim) {
  const std::string numbers[] = {std::to_string(incarnation), std::to_string(position.incarnation),
                                 std::to_string(position.n), std::to_string(bytes)};
  const std::string trim_id = state::ToString(trim);
  const Shard& at = shards_[shard];
  Args args = {at.keys.meta(), at.keys.feed(), numbers[0], numbers[1],
               numbers[2],     numbers[3],     trim_id};
  const StatusOr<Reply> reply =
      co_await Eval(at.route, state::PersistedScript(), 2, std::move(args));
  if (!reply.ok()) co_return reply.status();
  // Nobody waits for this one: who misses it finds the position in meta.
  const std::string message = std::to_string(shard) + ' ' + numbers[1] + ' ' + numbers[2];
  at.route.Send({"PUBLISH", persisted_channel_, message}, [](const StatusOr<Reply>&) {});
  co_return OkStatus();
}

awaitable<StatusOr<std::vector<std::string>>> RedisShardStore::ListMaps(uint32_t shard) {
  const Shard& at = shards_[shard];
  Args args = {"HKEYS", at.keys.maps()};
  const StatusOr<Reply> reply = co_await Send(at.route, std::move(args));
  if (!reply.ok()) co_return reply.status();
  const ReplyView maps(reply->get());
  std::vector<std::string> out;
  for (size_t i = 0; i < maps.size(); ++i) out.emplace_back(maps[i].str());
  co_return out;
}

awaitable<StatusOr<ScanPage>> RedisShardStore::ScanCells(uint32_t shard, std::string map_id,
                                                         std::string cursor) {
  state::MapIdView map;
  if (!state::ParseMapId(map_id, &map)) co_return InvalidArgument("unknown kind of map");
  const Shard& at = shards_[shard];
  // A cursor means nothing to another process, so one that goes on carries its run.
  const std::string run = at.route.run();
  const size_t space = cursor.find(' ');
  if (space != std::string::npos && std::string_view(cursor).substr(space + 1) != run) {
    co_return Unavailable("this scan began at another Redis");
  }
  cursor.resize(std::min(space, cursor.size()));
  const std::string key = at.keys.Cells(map.kind, map.map);
  Args args = {"HSCAN", key, cursor, "COUNT", kScanCount};
  const StatusOr<Reply> reply = co_await Send(at.route, std::move(args));
  if (!reply.ok()) co_return reply.status();
  const ReplyView view(reply->get());
  const ReplyView fields = view[1];
  ScanPage page;
  page.cursor = view[0].str();
  if (page.cursor != "0") page.cursor.append(" ").append(run);
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    page.cells.push_back({std::string(fields[i].str()), std::string(fields[i + 1].str())});
  }
  co_return page;
}

awaitable<Status> RedisShardStore::CheckShardCount() {
  const std::string ours = std::to_string(shard_count_);
  Args set = {"SET", shard_count_key_, ours, "NX"};
  const StatusOr<Reply> added = co_await Send(shard_count_route_, std::move(set));
  if (!added.ok()) co_return added.status();
  Args get = {"GET", shard_count_key_};
  const StatusOr<Reply> reply = co_await Send(shard_count_route_, std::move(get));
  if (!reply.ok()) co_return reply.status();
  const std::string theirs(ReplyView(reply->get()).str());
  if (theirs == ours) co_return OkStatus();
  co_return FailedPrecondition("the cluster in Redis has " + theirs + " shards, not " + ours);
}

}  // namespace topgun::storage
