#include "backend/journal_reader.h"

#include <boost/asio/post.hpp>
#include <map>
#include <string>
#include <utility>

#include "state/journal_page.h"

namespace topgun::gateway {
namespace {

using Page = state::JournalPage<JournalRecord>;

// Cuts consecutive pieces off; false when the bytes do not reach.
bool Cut(std::string_view& rest, size_t length, std::string_view* out) {
  if (length > rest.size()) return false;
  *out = rest.substr(0, length);
  rest.remove_prefix(length);
  return true;
}

// Takes the reply's bytes over. False when its columns do not fit together.
bool TakeReply(sync::v1::ReadJournalReply& reply, JournalAnswer& answer, Page* page) {
  const int count = reply.key_lengths_size();
  if (reply.map_index_size() != count || reply.cell_lengths_size() != count ||
      reply.shards_size() != count || reply.change_index_size() != count) {
    return false;
  }
  std::vector<std::string_view> maps;
  for (std::string& map : *reply.mutable_maps()) {
    maps.push_back(answer.bytes.emplace_back(std::move(map)));
  }
  std::string_view keys = answer.bytes.emplace_back(std::move(*reply.mutable_keys()));
  std::string_view cells = answer.bytes.emplace_back(std::move(*reply.mutable_cells()));
  for (int i = 0; i < count; ++i) {
    JournalRecord record{};
    std::string_view cell;
    if (reply.map_index(i) >= maps.size() || !Cut(keys, reply.key_lengths(i), &record.key) ||
        !Cut(cells, reply.cell_lengths(i), &cell) || !state::DecodeCell(cell, &record.cell)) {
      return false;
    }
    record.map = maps[reply.map_index(i)];
    record.sequence = state::SequenceOf(record.cell, reply.shards(i), reply.change_index(i));
    page->events.push_back(record);
  }
  if (reply.has_next()) {
    page->next = {reply.next().commit_ms(), reply.next().shard(), reply.next().n(),
                  reply.next().index()};
  }
  for (const sync::v1::ShardPosition& each : reply.positions()) {
    if (each.shard() >= answer.positions.size()) return false;
    answer.positions[each.shard()] = {each.position().incarnation(), each.position().n()};
  }
  return true;
}

}  // namespace

struct GrpcJournalReader::Read {
  Done done;  // null: it was called
  size_t limit = 0;
  size_t open = 0;  // calls
  std::shared_ptr<JournalAnswer> answer = std::make_shared<JournalAnswer>();
  std::vector<Page> pages;
};

struct GrpcJournalReader::Call {
  sync::v1::ReadJournalRequest request;
  sync::v1::ReadJournalReply reply;
};

void GrpcJournalReader::ReadJournal(const JournalQuery& query, Done done) {
  if (running_ >= kRunningMax) {
    return boost::asio::post(io_, [done = std::move(done)] {
      done(ResourceExhausted("too many reads of the journal are on their way"));
    });
  }
  ++running_;
  const auto read = std::make_shared<Read>();
  read->done = std::move(done);
  read->limit = query.limit;
  read->answer->positions.resize(shard_count_);
  const std::vector<std::vector<uint32_t>> groups = ShardsByReplica();
  read->open = groups.size();
  for (const std::vector<uint32_t>& shards : groups) Ask(read, query, shards);
}

std::vector<std::vector<uint32_t>> GrpcJournalReader::ShardsByReplica() {
  std::map<const Replica*, std::vector<uint32_t>> by_replica;
  for (uint32_t shard = 0; shard < shard_count_; ++shard) {
    by_replica[replicas_.PickForShard(shard)].push_back(shard);
  }
  std::vector<std::vector<uint32_t>> groups;
  for (auto& [replica, shards] : by_replica) groups.push_back(std::move(shards));
  return groups;
}

// The name is that of a shard, so that the call goes where the shards are served, and when it fails
// to another replica.
void GrpcJournalReader::Ask(const std::shared_ptr<Read>& read, const JournalQuery& query,
                            const std::vector<uint32_t>& shards) {
  const auto call = std::make_shared<Call>();
  sync::v1::ReadJournalRequest& request = call->request;
  request.mutable_from()->set_commit_ms(query.from.commit_ms);
  request.mutable_from()->set_shard(query.from.shard);
  request.mutable_from()->set_n(query.from.n);
  request.mutable_from()->set_index(query.from.index);
  request.set_limit(static_cast<uint32_t>(query.limit));
  if (query.map) request.set_map(*query.map);
  for (const uint32_t shard : shards) {
    request.add_shards(shard);
    if (shard >= query.upto.size()) continue;
    sync::v1::ShardPosition& upto = *request.add_upto();
    upto.set_shard(shard);
    upto.mutable_position()->set_incarnation(query.upto[shard].incarnation);
    upto.mutable_position()->set_n(query.upto[shard].n);
  }
  calls_.Run(
      "ReadJournal", "shard/" + std::to_string(shards.front()),
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        call->reply.Clear();
        replica.stub().async()->ReadJournal(&context, &call->request, &call->reply,
                                            std::move(ended));
      },
      [this, read, call](const Status& status) { OnAnswer(read, *call, status); });
}

void GrpcJournalReader::OnAnswer(const std::shared_ptr<Read>& read, Call& call,
                                 const Status& status) {
  --read->open;
  if (read->done) {
    Status result = status;
    Page page;
    if (result.ok() && !TakeReply(call.reply, *read->answer, &page)) {
      result = Internal("malformed journal");
    }
    read->pages.push_back(std::move(page));
    if (!result.ok()) std::exchange(read->done, nullptr)(result);
  }
  if (read->open > 0) return;
  --running_;
  if (read->done) Finish(*read);
}

void GrpcJournalReader::Finish(Read& read) {
  Page merged =
      state::MergePages(std::move(read.pages), {.events_max = read.limit, .bytes_max = SIZE_MAX});
  read.answer->records = std::move(merged.events);
  read.answer->next = merged.next;
  std::exchange(read.done, nullptr)(std::shared_ptr<const JournalAnswer>(std::move(read.answer)));
}

}  // namespace topgun::gateway
