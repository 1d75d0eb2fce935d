// The journal: every shard reads its part, the answer is those in the order of their sequences.
#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "domain/journal_read.h"
#include "service/gathering.h"
#include "service/sync_service.h"

namespace topgun::sync {

namespace {

constexpr uint32_t kJournalEventsMax = 10'000;
constexpr size_t kJournalReplyBytes = 1u << 20;

JournalQuery QueryOf(const v1::ReadJournalRequest& request) {
  JournalQuery query;
  query.from = {request.from().commit_ms(), request.from().shard(), request.from().n(),
                request.from().index()};
  if (request.has_map()) query.map = request.map();
  query.events_max = std::min(request.limit(), kJournalEventsMax);
  return query;
}

StatusOr<std::vector<uint32_t>> ShardsOf(const v1::ReadJournalRequest& request,
                                         uint32_t shard_count) {
  std::vector<uint32_t> shards(request.shards().begin(), request.shards().end());
  if (shards.empty()) {
    shards.resize(shard_count);
    std::iota(shards.begin(), shards.end(), 0U);
  }
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  if (shards.back() >= shard_count) return InvalidArgument("shards: no such shard");
  return shards;
}

std::map<uint32_t, state::Position> EndsOf(const v1::ReadJournalRequest& request) {
  std::map<uint32_t, state::Position> ends;
  for (const v1::ShardPosition& end : request.upto()) {
    ends[end.shard()] = {end.position().incarnation(), end.position().n()};
  }
  return ends;
}

void FillEvents(const std::vector<JournalEvent>& events, v1::ReadJournalReply& reply) {
  std::map<std::string_view, uint32_t> index_of;
  for (const JournalEvent& event : events) {
    const auto [known, added] =
        index_of.try_emplace(event.map, static_cast<uint32_t>(index_of.size()));
    if (added) reply.add_maps(event.map);
    reply.add_map_index(known->second);
    reply.mutable_keys()->append(event.key);
    reply.add_key_lengths(static_cast<uint32_t>(event.key.size()));
    reply.mutable_cells()->append(event.cell);
    reply.add_cell_lengths(static_cast<uint32_t>(event.cell.size()));
    reply.add_shards(event.sequence.shard);
    reply.add_change_index(event.sequence.index);
  }
}

void FillReply(std::vector<ShardJournal>& parts, size_t events_max, v1::ReadJournalReply& reply) {
  std::vector<state::JournalPage<JournalEvent>> pages;
  for (ShardJournal& part : parts) {
    v1::ShardPosition& position = *reply.add_positions();
    position.set_shard(part.shard);
    position.mutable_position()->set_incarnation(part.position.incarnation);
    position.mutable_position()->set_n(part.position.n);
    pages.push_back(std::move(part.page));
  }
  const auto merged = state::MergePages(
      std::move(pages), {.events_max = events_max, .bytes_max = kJournalReplyBytes});
  FillEvents(merged.events, reply);
  if (!merged.next) return;
  reply.mutable_next()->set_commit_ms(merged.next->commit_ms);
  reply.mutable_next()->set_shard(merged.next->shard);
  reply.mutable_next()->set_n(merged.next->n);
  reply.mutable_next()->set_index(merged.next->index);
}

}  // namespace

grpc::ServerUnaryReactor* SyncService::ReadJournal(grpc::CallbackServerContext* context,
                                                   const v1::ReadJournalRequest* request,
                                                   v1::ReadJournalReply* reply) {
  const auto shards = ShardsOf(*request, loops_.shard_count());
  if (!shards.ok()) {
    auto* const refused = context->DefaultReactor();
    refused->Finish(rpc::ToGrpc(shards.status()));
    return refused;
  }
  const auto query = std::make_shared<const JournalQuery>(QueryOf(*request));
  const auto ends = EndsOf(*request);
  const auto gathering = std::make_shared<Gathering<ShardJournal>>(
      shards->size(), [reply, events_max = query->events_max](std::vector<ShardJournal>& parts) {
        FillReply(parts, events_max, *reply);
      });
  grpc::ServerUnaryReactor* const reactor = Gathering<ShardJournal>::ReactorOf(gathering);
  for (const uint32_t shard : *shards) {
    std::optional<state::Position> upto;
    if (const auto end = ends.find(shard); end != ends.end()) upto = end->second;
    const bool posted = loops_.Post(loops_.LoopOf(shard), [this, shard, query, upto, gathering] {
      sync::ReadJournal(
          loops_.ShardAt(shard), query, upto, probe_,
          [gathering](StatusOr<ShardJournal> part) { gathering->Add(std::move(part)); });
    });
    if (!posted) gathering->Add(Unavailable("shutting down"));
  }
  return reactor;
}

}  // namespace topgun::sync
