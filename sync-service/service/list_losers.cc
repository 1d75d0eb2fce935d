// Writes of a map that lost, as far as this replica remembers them.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/gathering.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

using Losers = std::vector<Loser>;

void FillReply(std::vector<Losers>& parts, uint32_t limit, v1::ListLosersReply& reply) {
  Losers losers;
  for (Losers& part : parts) {
    losers.insert(losers.end(), std::make_move_iterator(part.begin()),
                  std::make_move_iterator(part.end()));
  }
  std::stable_sort(losers.begin(), losers.end(),
                   [](const Loser& a, const Loser& b) { return a.lost_at_ms > b.lost_at_ms; });
  if (limit != 0 && losers.size() > limit) losers.resize(limit);
  for (Loser& loser : losers) {
    v1::Loser& out = *reply.add_losers();
    out.set_key(std::move(loser.key));
    out.set_value(std::move(loser.value));
    out.set_millis(loser.timestamp.millis);
    out.set_counter(loser.timestamp.counter);
    out.set_node(std::move(loser.timestamp.node_id));
    out.set_winner_millis(loser.winner.millis);
    out.set_winner_counter(loser.winner.counter);
    out.set_winner_node(std::move(loser.winner.node_id));
    out.set_lost_at_ms(loser.lost_at_ms);
    if (loser.ttl_ms.has_value()) out.set_ttl_ms(*loser.ttl_ms);
  }
}

}  // namespace

grpc::ServerUnaryReactor* SyncService::ListLosers(grpc::CallbackServerContext* /*context*/,
                                                  const v1::ListLosersRequest* request,
                                                  v1::ListLosersReply* reply) {
  const uint32_t shard_count = loops_.shard_count();
  const auto gathering = std::make_shared<Gathering<Losers>>(
      shard_count, [reply, limit = request->limit()](std::vector<Losers>& parts) {
        FillReply(parts, limit, *reply);
      });
  grpc::ServerUnaryReactor* const reactor = Gathering<Losers>::ReactorOf(gathering);
  std::optional<std::string> key;
  if (request->has_key()) key = request->key();
  for (uint32_t shard = 0; shard < shard_count; ++shard) {
    const bool posted =
        loops_.Post(loops_.LoopOf(shard), [this, shard, gathering, map = request->map(), key] {
          gathering->Add(loops_.ShardAt(shard).losers().List(map, key));
        });
    if (!posted) gathering->Add(Unavailable("shutting down"));
  }
  return reactor;
}

}  // namespace topgun::sync
