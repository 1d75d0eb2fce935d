// topgun-sync as a process over a real Redis: what ReadTree, ReadMap and ResolveTags answer over
// all shards and loops.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "crdt/lww_map.h"
#include "crdt/or_map.h"
#include "msgpack/writer.h"
#include "rpc/channel.h"
#include "state/cell.h"
#include "state/journal_sequence.h"
#include "state/keys.h"
#include "support/http_client.h"
#include "support/redis_server.h"
#include "support/vectors.h"
#include "sync_process.h"

namespace topgun::sync {
namespace {

constexpr uint32_t kShards = 4;
constexpr int64_t kNow = kWritten;

std::string Packed(std::string_view json) { return support::ToMsgpack(support::ParseJson(json)); }

class SyncServiceTest : public testing::Test {
 protected:
  // Writes every op to the shard of its key, dead tags to all; the outcomes, shard by shard.
  std::string Write(const std::string& map, const std::vector<Op>& ops) {
    std::vector<Op> by_shard[kShards];
    for (const Op& op : ops) {
      for (uint32_t shard = 0; shard < kShards; ++shard) {
        const bool everywhere = op.kind == crdt::v1::OP_KIND_DEAD_TAG;
        if (everywhere || state::ShardOf(op.key, kShards) == shard) by_shard[shard].push_back(op);
      }
    }
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    const auto stream = process_.stub().Apply(&context);
    std::string outcomes;
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      if (by_shard[shard].empty()) continue;
      v1::ApplyRequest request;
      *request.add_parts() = PartOf(map, shard, by_shard[shard]);
      EXPECT_TRUE(stream->Write(request));
      v1::ApplyReply reply;
      if (!stream->Read(&reply) || reply.results_size() != 1) {
        ADD_FAILURE() << "no result: " << process_.Log();
        break;
      }
      EXPECT_EQ(reply.results(0).code(), 0) << reply.results(0).message();
      outcomes += reply.results(0).outcomes();
    }
    context.TryCancel();
    return outcomes;
  }

  template <typename Chunk, typename Request, typename Call>
  std::vector<Chunk> ReadAll(const Request& request, Call call) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    const auto reader = call(&context, request);
    std::vector<Chunk> chunks(1);
    while (reader->Read(&chunks.back())) chunks.emplace_back();
    chunks.pop_back();
    status_ = reader->Finish();
    return chunks;
  }
  std::vector<v1::ReadTreeChunk> ReadTree(crdt::v1::CellKind kind, std::vector<std::string> paths,
                                          bool cells = false) {
    v1::ReadTreeRequest request;
    request.set_map("m");
    request.set_kind(kind);
    request.mutable_paths()->Assign(paths.begin(), paths.end());
    request.set_cells(cells);
    return ReadAll<v1::ReadTreeChunk>(request, [&](auto* context, const auto& r) {
      return process_.stub().ReadTree(context, r);
    });
  }

  // Walks all nodes that hold keys like a client, and compares them with those of a tree.
  void ExpectTree(crdt::v1::CellKind kind, const crdt::MerkleTree& expected) {
    std::vector<std::string> level{""};
    size_t keys = 0;
    while (!level.empty()) {
      const auto chunks = ReadTree(kind, level);
      ASSERT_TRUE(status_.ok()) << status_.error_message();
      std::vector<std::string> next;
      for (const v1::ReadTreeChunk& chunk : chunks) {
        for (const v1::TreeNode& node : chunk.nodes()) {
          const std::string& path = level[node.path()];
          ASSERT_EQ(node.hash(), expected.NodeHash(path)) << path;
          std::vector<crdt::MerkleTree::Bucket> children;
          for (int i = 0; i < node.hashes_size(); ++i) {
            children.push_back({node.digits()[static_cast<size_t>(i)], node.hashes(i)});
            next.push_back(path + children.back().digit);
          }
          ASSERT_EQ(children, expected.Children(path)) << path;
          keys += static_cast<size_t>(node.key_lengths_size());
        }
      }
      level = std::move(next);
    }
    ASSERT_EQ(keys, expected.size());
  }

  support::RedisServer redis_;
  SyncProcess process_{redis_.address(), "null", kShards};
  grpc::Status status_;
  SystemClock wall_;
  crdt::HybridLogicalClock clock_{"model", wall_};
};

TEST_F(SyncServiceTest, OneClientStyleTreeOverAllShards) {
  EXPECT_EQ(ReadTree(crdt::v1::CELL_KIND_LWW, {""})[0].nodes(0).hash(), 0U) << "core.md 7.4";
  crdt::LwwMap model(clock_);
  std::vector<Op> ops;
  for (int i = 0; i < 500; ++i) {
    ops.push_back({crdt::v1::OP_KIND_PUT, "k" + std::to_string(i), "", "\xc3"});
    model.Merge(ops.back().key, {"\xc3", {kNow, 0, "client"}, std::nullopt, false});
  }
  Write("m", ops);
  ExpectTree(crdt::v1::CELL_KIND_LWW, model.tree());
}

TEST_F(SyncServiceTest, ChunksOfAboutOneMebibyteHoldAllCellsInOrder) {
  constexpr size_t kCells = 60;
  std::vector<Op> ops;
  for (size_t i = 0; i < kCells; ++i) {
    // bin 32 of 100 000 bytes
    const std::string value = std::string("\xc6\x00\x01\x86\xa0", 5) + std::string(100'000, 'x');
    ops.push_back({crdt::v1::OP_KIND_PUT, "k" + std::to_string(100 + i), "", value});
  }
  Write("m", ops);
  const auto chunks = ReadTree(crdt::v1::CELL_KIND_LWW, {"", "zz"}, true);
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_GE(chunks.size(), 5U);
  std::string keys;
  for (const v1::ReadTreeChunk& chunk : chunks) {
    EXPECT_LT(chunk.ByteSizeLong(), (1U << 20) + 200'000U);
    for (const v1::TreeNode& node : chunk.nodes()) {
      keys += node.keys();
      EXPECT_TRUE(node.path() == 0 || node.key_lengths_size() == 0);
    }
  }
  std::string expected;
  for (const Op& op : ops) expected += op.key;
  EXPECT_EQ(keys, expected);
}

TEST_F(SyncServiceTest, TagsOfAnOrMapAreFoundAndStayDead) {
  crdt::OrMap model(clock_, crdt::OrMap::Role::kServer);
  std::vector<Op> ops;
  for (int i = 0; i < 100; ++i) {
    const std::string key = "k" + std::to_string(i);
    ops.push_back({crdt::v1::OP_KIND_OR_ADD, key, "t" + std::to_string(i), "\xc3"});
    model.Apply(key, {"\xc3", {kNow, 0, "client"}, ops.back().tag, std::nullopt});
  }
  ops.push_back({crdt::v1::OP_KIND_OR_REMOVE, "k7", "t7"});
  model.ApplyTombstone("t7", "k7");
  Write("m", ops);
  ExpectTree(crdt::v1::CELL_KIND_OR, model.tree());

  EXPECT_EQ(Write("m", {{crdt::v1::OP_KIND_DEAD_TAG, "", "early"}}),
            std::string(kShards, crdt::v1::OUTCOME_APPLIED));
  v1::ResolveTagsRequest request;
  request.set_map("m");
  request.set_tags("t3t7earlynever");
  for (const uint32_t length : {2U, 2U, 5U, 5U}) request.add_tag_lengths(length);
  v1::ResolveTagsReply reply;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
  ASSERT_TRUE(process_.stub().ResolveTags(&context, request, &reply).ok());
  EXPECT_EQ(reply.states(), std::string("\x01\x02\x02\x00", 4));
  EXPECT_EQ(reply.keys(), "k3k7");

  EXPECT_EQ(Write("m", {{crdt::v1::OP_KIND_OR_ADD, "late", "early", "\xc3"}}),
            std::string(1, crdt::v1::OUTCOME_STALE));
  model.ApplyTombstone("early", "late");
  ExpectTree(crdt::v1::CELL_KIND_OR, model.tree());
}

TEST_F(SyncServiceTest, SnapshotsTellExpiriesAndTheNumberOfLiveRows) {
  Write("m", {{crdt::v1::OP_KIND_PUT, "a", "", "\xc3"},
              {crdt::v1::OP_KIND_PUT, "b", "", "\xc3", 1e12},
              {crdt::v1::OP_KIND_PUT, "c", "", "\xc3"},
              {crdt::v1::OP_KIND_PUT, "hidden", "", "\xc3", 1}});
  v1::ReadMapRequest request;
  request.set_map("m");
  request.set_rows_max(2);
  const auto chunks = ReadAll<v1::ReadMapChunk>(
      request, [&](auto* context, const auto& r) { return process_.stub().ReadMap(context, r); });
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  ASSERT_EQ(chunks.size(), 1U);
  EXPECT_EQ(chunks[0].keys(), "ab");
  EXPECT_EQ(chunks[0].live_rows(), 3U);
  EXPECT_TRUE(chunks[0].has_more());
  ASSERT_EQ(chunks[0].expiry_index_size(), 1);
  EXPECT_EQ(chunks[0].expiry_index(0), 1U);
  EXPECT_EQ(chunks[0].expires_ms(0), static_cast<double>(kNow) + 1e12);
  EXPECT_EQ(chunks[0].positions_size(), static_cast<int>(kShards));
}

TEST_F(SyncServiceTest, QueriesSelectRowsAndGroupsOverAllShards) {
  std::vector<Op> ops;
  for (int i = 0; i < 100; ++i) {
    const std::string value =
        Packed(R"({"n":)" + std::to_string(i) + R"(,"odd":)" + std::to_string(i % 2) + "}");
    ops.push_back({crdt::v1::OP_KIND_PUT, "k" + std::to_string(100 + i), "", value});
  }
  ops[98].ttl_ms = 1e12;
  Write("m", ops);
  v1::ReadMapRequest request;
  request.set_map("m");
  request.set_rows_max(2);
  v1::MapQuery& query = *request.mutable_query();
  query.set_where(Packed(R"({"odd":0})"));
  query.set_sort(Packed(R"([{"field":"n","direction":"desc"}])"));
  const auto read = [&] {
    auto chunks = ReadAll<v1::ReadMapChunk>(
        request, [&](auto* context, const auto& r) { return process_.stub().ReadMap(context, r); });
    EXPECT_TRUE(status_.ok()) << status_.error_message();
    EXPECT_EQ(chunks.size(), 1U);
    chunks.resize(1);
    return chunks[0];
  };
  const v1::ReadMapChunk best = read();
  EXPECT_EQ(best.keys(), "k198k196");
  EXPECT_EQ(best.live_rows(), 50U);
  EXPECT_TRUE(best.has_more());
  EXPECT_EQ(best.positions_size(), static_cast<int>(kShards));
  ASSERT_EQ(best.expiry_index_size(), 1);
  EXPECT_EQ(best.expiry_index(0), 0U);
  EXPECT_EQ(best.expires_ms(0), static_cast<double>(kNow) + 1e12);

  query.clear_sort();
  query.set_after("k194");
  const v1::ReadMapChunk last = read();
  EXPECT_EQ(last.keys(), "k196k198");
  EXPECT_EQ(last.live_rows(), 2U);
  EXPECT_FALSE(last.has_more());

  query.Clear();
  query.set_group_by(Packed(R"(["odd"])"));
  const v1::ReadMapChunk groups = read();
  EXPECT_EQ(groups.live_rows(), 2U);
  EXPECT_EQ(groups.value_lengths_size(), 2);
  EXPECT_EQ(groups.expiry_index_size(), 0);

  query.set_predicate("\xc1");
  ReadAll<v1::ReadMapChunk>(
      request, [&](auto* context, const auto& r) { return process_.stub().ReadMap(context, r); });
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(SyncServiceTest, SearchesFindTheBestOfAllShards) {
  std::vector<Op> ops;
  for (int i = 0; i < 100; ++i) {
    std::string value;
    msgpack::Writer(value).Str(i % 10 == 0 ? "the word" : "another record");
    ops.push_back({crdt::v1::OP_KIND_PUT, "k" + std::to_string(100 + i), "", value});
  }
  ops[20].ttl_ms = 1e12;
  msgpack::Writer(ops[50].value = "").Str("word");
  Write("m", ops);
  v1::SearchMapRequest request;
  request.set_map("m");
  request.set_query("word");
  request.set_limit(3);
  const auto search = [&] {
    v1::SearchMapReply reply;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    status_ = process_.stub().SearchMap(&context, request, &reply);
    return reply;
  };
  const v1::SearchMapReply best = search();
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(best.keys(), "k150k100k110") << "the shortest first, the others by key";
  ASSERT_EQ(best.scores_size(), 3);
  EXPECT_GT(best.scores(0), best.scores(1));
  EXPECT_EQ(best.scores(1), best.scores(2));

  request.set_min_score(best.scores(0));
  EXPECT_EQ(search().keys(), "k150");
  request.set_min_score(0);
  request.set_keys("k150k101k120");
  for (int i = 0; i < 3; ++i) request.add_key_lengths(4);
  request.set_limit(0);
  const v1::SearchMapReply some = search();
  EXPECT_EQ(some.keys(), "k150k120");
  EXPECT_EQ(some.scores(0), best.scores(0));
  ASSERT_EQ(some.expiry_index_size(), 1);
  EXPECT_EQ(some.expiry_index(0), 1U);
  EXPECT_EQ(some.expires_ms(0), static_cast<double>(kNow) + 1e12);

  request.set_map("never written");
  EXPECT_EQ(search().scores_size(), 0);
  EXPECT_TRUE(status_.ok());
  request.set_query("\"no end");
  EXPECT_EQ(search().scores_size(), 0);
  EXPECT_TRUE(status_.ok());
  request.set_query(std::string(5'000, 'x'));
  search();
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_query("word");
  request.set_key_lengths(2, 5);
  search();
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (int i = 0; i < 1'000; ++i) request.add_key_lengths(0);
  search();
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(SyncServiceTest, PartsInMemoryAreReportedAndResultsTellThatNothingIsPersisted) {
  redis_.Pause();
  ApplyStream stream(process_.stub());
  v1::ApplyPart part = PartOf("m", 0, {{crdt::v1::OP_KIND_PUT, "a", "", "\xc3"}});
  part.set_part_id(7);
  stream.Send(part);  // does not ask
  part.set_part_id(8);
  part.set_report_accepted(true);
  stream.Send(part);
  EXPECT_EQ(stream.NextAccepted(), 8U) << "Redis has answered nothing";
  redis_.Resume();
  for (const uint64_t id : {7U, 8U}) {
    const v1::PartResult result = stream.Next();
    EXPECT_EQ(result.part_id(), id);
    EXPECT_EQ(result.code(), 0);
    EXPECT_TRUE(result.volatile_storage());
    EXPECT_FALSE(result.replicated());
  }
  part.set_part_id(9);
  part.set_shard(kShards);
  stream.Send(part);
  EXPECT_EQ(stream.Next().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(stream.accepted().empty()) << "what is refused was never accepted";
}

TEST_F(SyncServiceTest, WritesThatLostAreListedNewestFirst) {
  const std::string winner = "\xa1w";
  Write("m", {{crdt::v1::OP_KIND_PUT, "a", "", winner}, {crdt::v1::OP_KIND_PUT, "b", "", winner}});
  Write("m", {{crdt::v1::OP_KIND_PUT, "a", "", "\xa1l", 0, kNow - 5}});
  Write("m", {{crdt::v1::OP_KIND_REMOVE, "b", "", "", 0, kNow - 6}});
  Write("other", {{crdt::v1::OP_KIND_PUT, "a", "", winner},
                  {crdt::v1::OP_KIND_PUT, "a", "", "\xa1o", 0, kNow - 7}});
  const auto list = [this](uint32_t limit) {
    v1::ListLosersRequest request;
    request.set_map("m");
    request.set_limit(limit);
    v1::ListLosersReply reply;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    EXPECT_TRUE(process_.stub().ListLosers(&context, request, &reply).ok());
    return reply;
  };
  const v1::ListLosersReply all = list(0);
  ASSERT_EQ(all.losers_size(), 2);
  std::map<std::string, v1::Loser> losers;
  for (const v1::Loser& loser : all.losers()) losers[loser.key()] = loser;
  EXPECT_EQ(losers["a"].value(), "\xa1l");
  EXPECT_EQ(losers["a"].millis(), kNow - 5);
  EXPECT_EQ(losers["a"].node(), "client");
  EXPECT_EQ(losers["a"].winner_millis(), kNow);
  EXPECT_EQ(losers["a"].winner_node(), "client");
  EXPECT_GT(losers["a"].lost_at_ms(), kNow);
  EXPECT_EQ(losers["b"].value(), "") << "a removal";
  EXPECT_GE(all.losers(0).lost_at_ms(), all.losers(1).lost_at_ms());
  ASSERT_EQ(list(1).losers_size(), 1);
  EXPECT_EQ(list(1).losers(0).key(), all.losers(0).key());
}

TEST_F(SyncServiceTest, ADrainOnDemandSendsGatewaysAwayAndFinishesWhatRuns) {
  const auto post = [this](std::string_view target, std::string* body = nullptr) {
    return support::HttpExchange(process_.admin_port(), "POST", target, body);
  };
  const auto channel = rpc::MakeChannel(process_.address());
  const auto ready = [&] { return channel->GetState(true) == GRPC_CHANNEL_READY; };
  ASSERT_TRUE(support::WaitUntil(ready));
  // A gateway's streams: one that writes, one that watches.
  const auto stub = v1::Sync::NewStub(channel);
  grpc::ClientContext writing;
  const auto apply = stub->Apply(&writing);
  grpc::ClientContext watching;
  const auto watch = stub->Watch(&watching);
  v1::WatchRequest request;
  request.add_shards()->set_shard(0);
  ASSERT_TRUE(watch->Write(request));
  v1::WatchReply range;
  ASSERT_TRUE(watch->Read(&range));

  std::string body;
  EXPECT_EQ(post("/drain", &body), 200);
  EXPECT_EQ(body, "{\"state\":\"draining\",\"left\":1,\"unit\":\"watched shards\"}\n");
  EXPECT_EQ(support::HttpExchange(process_.admin_port(), "GET", "/readyz"), 503);
  EXPECT_TRUE(support::WaitUntil([&] { return !ready(); }));
  v1::ApplyRequest late;
  *late.add_parts() = PartOf("m", 1, {{crdt::v1::OP_KIND_PUT, "a", "", "\x01"}});
  v1::ApplyReply reply;
  ASSERT_TRUE(apply->Write(late));
  ASSERT_TRUE(apply->Read(&reply));
  EXPECT_EQ(reply.results(0).code(), 0) << "on its way when the drain began";
  request.Clear();
  request.add_stop_shards(0);
  ASSERT_TRUE(watch->Write(request));
  EXPECT_TRUE(support::WaitUntil([&] {
    support::HttpExchange(process_.admin_port(), "GET", "/drain", &body);
    return body.find("drained") != std::string::npos;
  })) << body;

  EXPECT_EQ(post("/drain?cancel"), 200);
  EXPECT_TRUE(support::WaitUntil(ready));
  process_.process().Signal(SIGTERM);
  ASSERT_TRUE(process_.process().Wait());
  EXPECT_EQ(process_.process().exit_code(), 0) << process_.Log();
  writing.TryCancel();
  watching.TryCancel();
}

// Of the events in the reply.
std::vector<state::JournalSequence> SequencesOf(const v1::ReadJournalReply& reply) {
  std::vector<state::JournalSequence> sequences;
  std::string_view cells = reply.cells();
  for (int i = 0; i < reply.cell_lengths_size(); ++i) {
    state::CellView cell;
    EXPECT_TRUE(state::DecodeCell(cells.substr(0, reply.cell_lengths(i)), &cell));
    cells.remove_prefix(reply.cell_lengths(i));
    sequences.push_back(state::SequenceOf(cell, reply.shards(i), reply.change_index(i)));
  }
  return sequences;
}

TEST_F(SyncServiceTest, TheJournalHasTheEventsOfAllShardsInPieces) {
  std::string written;
  for (int i = 10; i < 40; ++i) {
    const std::string key = "k" + std::to_string(i);
    Write(i % 3 == 0 ? "other" : "m", {{crdt::v1::OP_KIND_PUT, key, "", "\xc3"}});
    if (i % 3 != 0) written += key;
  }
  v1::ReadJournalRequest request;
  request.set_limit(7);
  request.set_map("m");
  std::string read;
  std::vector<state::JournalSequence> sequences;
  for (bool more = true; more;) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    v1::ReadJournalReply reply;
    const grpc::Status status = process_.stub().ReadJournal(&context, request, &reply);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_LE(reply.key_lengths_size(), 7);
    ASSERT_EQ(reply.positions_size(), static_cast<int>(kShards));
    read += reply.keys();
    for (const auto& sequence : SequencesOf(reply)) sequences.push_back(sequence);
    more = reply.has_next();
    *request.mutable_from() = reply.next();
    *request.mutable_upto() = reply.positions();
  }
  EXPECT_EQ(read, written);
  EXPECT_TRUE(std::is_sorted(sequences.begin(), sequences.end()));

  request.Clear();
  request.add_shards(kShards);
  grpc::ClientContext context;
  v1::ReadJournalReply reply;
  EXPECT_EQ(process_.stub().ReadJournal(&context, request, &reply).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(SyncServiceTest, TooMuchIsRefused) {
  ReadTree(crdt::v1::CELL_KIND_LWW, std::vector<std::string>(4097, "a"));
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ReadTree(crdt::v1::CELL_KIND_COUNTER, {""});
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReadTree(crdt::v1::CELL_KIND_LWW, std::vector<std::string>(4096, "abc")).size(), 1U);
  EXPECT_TRUE(status_.ok()) << status_.error_message();
}

}  // namespace
}  // namespace topgun::sync
