#include "owner/null_owner.h"

#include <algorithm>

#include "state/feed_entry.h"
#include "state/scripts.h"

namespace topgun::sync {

namespace {

using redis::Reply;
using redis::ReplyView;

// 2025-01-01T00:00:00Z: keeps incarnations rising even when Redis forgot the last one.
constexpr int64_t kIncarnationEpochMs = 1'735'689'600'000;

}  // namespace

NullOwner::NullOwner(NullOwnerOptions options, const WallClock& wall)
    : options_(options), wall_(wall) {}

void NullOwner::AddShard(uint32_t shard, redis::Route& route, state::ShardKeys keys) {
  shards_.insert({shard, Owned{route, std::move(keys)}});
}

void NullOwner::OpenShard(uint32_t shard, std::string_view run, StatusCallback callback) {
  Owned& owned = shards_.at(shard);
  owned.route.Send({"HMGET", owned.keys.meta(), "run", "inc", "n"},
                   [this, &owned, run = std::string(run),
                    callback = std::move(callback)](StatusOr<Reply> reply) mutable {
                     if (!reply.ok()) return callback(reply.status());
                     const ReplyView fields(reply->get());
                     if (fields[0].str() == run) return callback(OkStatus());
                     Tail tail;
                     if (!fields[1].is_nil())
                       tail = {std::string(fields[1].str()), std::string(fields[2].str())};
                     Open(owned, run, tail, std::move(callback));
                   });
}

void NullOwner::Open(Owned& shard, const std::string& run, const Tail& tail,
                     StatusCallback callback) {
  const state::ShardKeys& keys = shard.keys;
  const int64_t now_ms = wall_.NowMs();
  const auto since_epoch =
      static_cast<uint64_t>(std::max<int64_t>(0, now_ms - kIncarnationEpochMs));
  const state::Position before{std::stoull(tail.incarnation), std::stoull(tail.n)};
  const uint64_t known = std::max(before.incarnation, shard.incarnation);
  shard.incarnation = std::max(known + 1, since_epoch / 1000);
  const std::string incarnation = std::to_string(shard.incarnation);
  const std::string n = std::to_string(before.n + 1);
  const std::string marker = state::EncodeMarker(now_ms, before);
  const std::vector<std::string_view> args{
      keys.meta(), keys.feed(), keys.unloaded(),  keys.maps(), keys.loading(), run,
      incarnation, n,           tail.incarnation, tail.n,      marker};
  shard.route.Eval(state::OpenScript(), 5, args,
                   [callback = std::move(callback)](StatusOr<Reply> reply) {
                     // A tail that moved means that somebody else opened it: the caller looks
                     // again.
                     callback(reply.ok() ? OkStatus() : reply.status());
                   });
}

void NullOwner::LoadMap(uint32_t /*shard*/, std::string_view /*map_id*/,
                        const state::Position& /*floor*/, Chunk /*chunk*/, StatusCallback done) {
  done(OkStatus());
}

void NullOwner::Trim(uint32_t shard, const state::Position& tail) {
  Owned& owned = shards_.at(shard);
  owned.incarnation = std::max(owned.incarnation, tail.incarnation);
  auto& samples = owned.tails;
  const int64_t now_ms = wall_.NowMs();
  if (samples.empty() || samples.back().second != tail) samples.emplace_back(now_ms, tail);
  const state::Position* oldest_kept = nullptr;
  while (samples.size() > 1 && samples[1].first + options_.watch_window_ms < now_ms) {
    samples.pop_front();
    oldest_kept = &samples.front().second;
  }
  if (oldest_kept == nullptr) return;
  // Entries up to the sample are older than the window; the newest entry is never among them.
  owned.route.Send({"XTRIM", owned.keys.feed(), "MINID", state::ToString(*oldest_kept)},
                   [](const StatusOr<Reply>&) {});
}

}  // namespace topgun::sync
