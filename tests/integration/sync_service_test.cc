// topgun-sync as a process over a real Redis: what ReadTree, ReadMap and ResolveTags answer over
// all shards and loops.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "crdt/lww_map.h"
#include "crdt/or_map.h"
#include "state/cell.h"
#include "state/keys.h"
#include "support/child_process.h"
#include "support/redis_server.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::sync {
namespace {

constexpr uint32_t kShards = 4;
constexpr int64_t kNow = 1'700'000'000'000;

struct Op {
  crdt::v1::OpKind kind = crdt::v1::OP_KIND_PUT;
  std::string key;
  std::string tag = {};
  std::string value = {};
  double ttl_ms = 0;
};

v1::ApplyPart PartOf(const std::string& map, uint32_t shard, const std::vector<Op>& ops) {
  v1::ApplyPart part;
  part.set_shard(shard);
  part.add_maps(map);
  part.add_nodes("client");
  part.add_origins("");
  for (const Op& op : ops) {
    if (op.ttl_ms != 0) {
      part.add_ttl_index(static_cast<uint32_t>(part.kinds().size()));
      part.add_ttl_ms(op.ttl_ms);
    }
    part.mutable_kinds()->push_back(static_cast<char>(op.kind));
    part.add_map_index(0);
    part.add_node_index(0);
    part.add_origin_index(0);
    part.add_millis(kNow);
    part.add_counters(0);
    part.mutable_keys()->append(op.key);
    part.add_key_lengths(static_cast<uint32_t>(op.key.size()));
    part.mutable_tags()->append(op.tag);
    part.add_tag_lengths(static_cast<uint32_t>(op.tag.size()));
    part.mutable_values()->append(op.value);
    part.add_value_lengths(static_cast<uint32_t>(op.value.size()));
  }
  return part;
}

class SyncServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    support::ChildProcess::Options options;
    options.output_path = log_.path() + "/log";
    process_ =
        support::ChildProcess({TOPGUN_SYNC, "--name", "sync-a", "--grpc", "127.0.0.1:0", "--admin",
                               "127.0.0.1:0", "--redis", redis_.address(), "--storage", "null",
                               "--shards", std::to_string(kShards), "--loops", "2"},
                              options);
    std::string text;
    std::smatch port;
    static const std::regex pattern("\"grpc_port\":([0-9]+)");
    ASSERT_TRUE(support::WaitUntil([&] {
      text = Log();
      return std::regex_search(text, port, pattern);
    })) << text;
    stub_ = v1::Sync::NewStub(
        grpc::CreateChannel("127.0.0.1:" + port[1].str(), grpc::InsecureChannelCredentials()));
  }

  std::string Log() const {
    std::ifstream file(log_.path() + "/log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

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
    const auto stream = stub_->Apply(&context);
    std::string outcomes;
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      if (by_shard[shard].empty()) continue;
      v1::ApplyRequest request;
      *request.add_parts() = PartOf(map, shard, by_shard[shard]);
      EXPECT_TRUE(stream->Write(request));
      v1::ApplyReply reply;
      if (!stream->Read(&reply) || reply.results_size() != 1) {
        ADD_FAILURE() << "no result: " << Log();
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
    return ReadAll<v1::ReadTreeChunk>(
        request, [&](auto* context, const auto& r) { return stub_->ReadTree(context, r); });
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
  support::TempDir log_;
  support::ChildProcess process_;
  std::unique_ptr<v1::Sync::Stub> stub_;
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
  ASSERT_TRUE(stub_->ResolveTags(&context, request, &reply).ok());
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
      request, [&](auto* context, const auto& r) { return stub_->ReadMap(context, r); });
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
