// The gateway's readers against a sync service whose answers the test decides: chunks, failures,
// retries at another replica.
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/counter_reader.h"
#include "backend/map_reader.h"
#include "backend/map_searcher.h"
#include "backend/tree_reader.h"
#include "metrics/registry.h"
#include "support/wait.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::gateway {
namespace {

namespace v1 = sync::v1;
using support::WaitUntil;

// One attempt's answer: chunks, then how it ends.
template <typename Chunk>
struct Answer {
  std::vector<Chunk> chunks = {};
  grpc::Status status = grpc::Status::OK;
};

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "shutting down");

// Gives its answers one after the other; when there is none left, it ends the call as unavailable.
class ScriptedService final : public v1::Sync::Service {
 public:
  template <typename Chunk>
  using Script = std::vector<Answer<Chunk>>;

  grpc::Status ReadTree(grpc::ServerContext* /*context*/, const v1::ReadTreeRequest* request,
                        grpc::ServerWriter<v1::ReadTreeChunk>* writer) override {
    {
      const std::lock_guard lock(mutex);
      tree_request = *request;
    }
    return Play(trees, *writer);
  }
  grpc::Status ReadMap(grpc::ServerContext* /*context*/, const v1::ReadMapRequest* request,
                       grpc::ServerWriter<v1::ReadMapChunk>* writer) override {
    {
      const std::lock_guard lock(mutex);
      map_request = *request;
    }
    return Play(maps, *writer);
  }
  grpc::Status ResolveTags(grpc::ServerContext* /*context*/, const v1::ResolveTagsRequest* request,
                           v1::ResolveTagsReply* reply) override {
    const std::lock_guard lock(mutex);
    tags_request = *request;
    const auto answer = Next(tags);
    if (!answer.chunks.empty()) *reply = answer.chunks.front();
    return answer.status;
  }

  grpc::Status ReadCounter(grpc::ServerContext* /*context*/, const v1::ReadCounterRequest* request,
                           v1::ReadCounterReply* reply) override {
    const std::lock_guard lock(mutex);
    counter_request = *request;
    const auto answer = Next(counters);
    if (!answer.chunks.empty()) *reply = answer.chunks.front();
    return answer.status;
  }

  grpc::Status SearchMap(grpc::ServerContext* /*context*/, const v1::SearchMapRequest* request,
                         v1::SearchMapReply* reply) override {
    const std::lock_guard lock(mutex);
    search_request = *request;
    const auto answer = Next(searches);
    if (!answer.chunks.empty()) *reply = answer.chunks.front();
    return answer.status;
  }

  std::mutex mutex;
  Script<v1::ReadTreeChunk> trees;
  Script<v1::ReadMapChunk> maps;
  Script<v1::ResolveTagsReply> tags;
  Script<v1::ReadCounterReply> counters;
  v1::ReadTreeRequest tree_request;
  v1::ReadMapRequest map_request;
  v1::ResolveTagsRequest tags_request;
  Script<v1::SearchMapReply> searches;
  v1::SearchMapRequest search_request;
  v1::ReadCounterRequest counter_request;
  size_t attempts = 0;

 private:
  template <typename Chunk>
  Answer<Chunk> Next(Script<Chunk>& script) {
    ++attempts;
    if (script.empty()) return {.status = kAway};
    Answer<Chunk> next = std::move(script.front());
    script.erase(script.begin());
    return next;
  }
  template <typename Chunk>
  grpc::Status Play(Script<Chunk>& script, grpc::ServerWriter<Chunk>& writer) {
    Answer<Chunk> answer;
    {
      const std::lock_guard lock(mutex);
      answer = Next(script);
    }
    for (const Chunk& chunk : answer.chunks) writer.Write(chunk);
    return answer.status;
  }
};

class ReadersTest : public ::testing::Test {
 protected:
  // Two replicas that answer from the same script.
  ReadersTest() {
    for (auto& server : servers_) {
      int port = 0;
      grpc::ServerBuilder builder;
      builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
      builder.RegisterService(&service_);
      server = builder.BuildAndStart();
      targets_.push_back("127.0.0.1:" + std::to_string(port));
    }
    resolver_ = std::make_unique<discovery::Resolver>(discovery::ResolverOptions{.service = "sync"},
                                                      discovery::MakeSources(targets_), registry_);
    replicas_ = std::make_unique<ReplicaSet>(io_, *resolver_, rpc::Credentials(), probe_);
    trees_ = std::make_unique<GrpcTreeReader>(io_, active_calls_, *replicas_);
    maps_ = std::make_unique<GrpcMapReader>(io_, active_calls_, *replicas_);
    searcher_ = std::make_unique<GrpcMapSearcher>(io_, active_calls_, *replicas_);
    counters_ = std::make_unique<GrpcCounterReader>(io_, active_calls_, 4, *replicas_);
    replicas_->Start();
    EXPECT_TRUE(RunUntil([this] { return replicas_->up_count() == 2; }));
  }
  ~ReadersTest() override {
    replicas_->Stop();
    trees_->Close();
    maps_->Close();
    searcher_->Close();
    counters_->Close();
    EXPECT_TRUE(RunUntil([this] { return active_calls_ == 0; }));
    for (auto& server : servers_) server->Shutdown(std::chrono::system_clock::now());
  }

  // Runs the loop until the condition holds.
  bool RunUntil(const std::function<bool()>& condition) {
    return WaitUntil([&] {
      io_.restart();
      io_.poll();
      replicas_->Tick(std::chrono::steady_clock::now());
      return condition();
    });
  }
  StatusOr<std::shared_ptr<const TreeAnswer>> ReadTree(std::vector<std::string> paths) {
    StatusOr<std::shared_ptr<const TreeAnswer>> result = Internal("no answer");
    bool done = false;
    trees_->ReadTree({.kind = state::CellKind::kOr, .map = "m", .paths = std::move(paths)},
                     [&](auto answer) {
                       result = std::move(answer);
                       done = true;
                     });
    EXPECT_FALSE(done) << "never inside the call";
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return result;
  }
  StatusOr<std::vector<ResolvedTag>> ResolveTags(const std::vector<std::string>& tags) {
    StatusOr<std::vector<ResolvedTag>> result = Internal("no answer");
    bool done = false;
    trees_->ResolveTags("m", tags, [&](auto answer) {
      result = std::move(answer);
      done = true;
    });
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return result;
  }
  StatusOr<std::shared_ptr<const MapSnapshot>> ReadMap() {
    StatusOr<std::shared_ptr<const MapSnapshot>> result = Internal("no answer");
    bool done = false;
    maps_->Read("m", [&](auto answer) {
      result = std::move(answer);
      done = true;
    });
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return result;
  }
  StatusOr<std::shared_ptr<const MapSnapshot>> ReadQuery(const MapQuery& query) {
    StatusOr<std::shared_ptr<const MapSnapshot>> result = Internal("no answer");
    bool done = false;
    maps_->ReadQuery("m", query, 18, [&](auto answer) {
      result = std::move(answer);
      done = true;
    });
    EXPECT_FALSE(done) << "never inside the call";
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return result;
  }
  StatusOr<SearchHits> Search(SearchRequest request) {
    StatusOr<SearchHits> result = Internal("no answer");
    bool done = false;
    searcher_->Search(std::move(request), [&](const StatusOr<SearchHits>& answer) {
      result = answer;
      done = true;
    });
    EXPECT_FALSE(done) << "never inside the call";
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return result;
  }

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  metrics::Registry registry_{"test"};
  Probe probe_{registry_, 0};
  size_t active_calls_ = 0;
  ScriptedService service_;
  std::array<std::unique_ptr<grpc::Server>, 2> servers_;
  std::vector<std::string> targets_;
  std::unique_ptr<discovery::Resolver> resolver_;
  std::unique_ptr<ReplicaSet> replicas_;
  std::unique_ptr<GrpcTreeReader> trees_;
  std::unique_ptr<GrpcMapReader> maps_;
  std::unique_ptr<GrpcMapSearcher> searcher_;
  std::unique_ptr<GrpcCounterReader> counters_;
};

v1::TreeNode& AddNode(v1::ReadTreeChunk& chunk, uint32_t path, uint32_t hash) {
  v1::TreeNode& node = *chunk.add_nodes();
  node.set_path(path);
  node.set_hash(hash);
  return node;
}

void AddCell(v1::TreeNode& node, const std::string& key, const std::string& tag,
             const std::string& cell) {
  node.mutable_keys()->append(key);
  node.add_key_lengths(static_cast<uint32_t>(key.size()));
  node.mutable_tags()->append(tag);
  node.add_tag_lengths(static_cast<uint32_t>(tag.size()));
  node.mutable_cells()->append(cell);
  node.add_cell_lengths(static_cast<uint32_t>(cell.size()));
}

std::string KeysOf(const TreeAnswer::Node& node) {
  std::string keys;
  for (const TreeAnswer::Cell& cell : node.cells) {
    keys.append(cell.key).append("/").append(cell.tag).append("=").append(cell.cell).append(" ");
  }
  return keys;
}

TEST_F(ReadersTest, ANodeMayComeInSeveralChunks) {
  std::vector<v1::ReadTreeChunk> chunks(3);
  v1::TreeNode& inner = AddNode(chunks[0], 0, 7);
  inner.set_digits("3f");
  inner.add_hashes(5);
  inner.add_hashes(0);
  AddCell(AddNode(chunks[0], 1, 9), "a", "t1", "c1");
  v1::TreeNode& rest = AddNode(chunks[1], 1, 9);
  AddCell(rest, "a", "t2", "c2");
  AddCell(rest, "b", "", "c3");
  chunks[2].set_horizon_ms(42);
  service_.trees = {{.chunks = chunks}};

  const auto answer = ReadTree({"", "374"});
  ASSERT_TRUE(answer.ok());
  const TreeAnswer& tree = **answer;
  ASSERT_EQ(tree.nodes.size(), 2U);
  EXPECT_EQ(tree.nodes[0].hash, 7U);
  ASSERT_EQ(tree.nodes[0].children.size(), 2U);
  EXPECT_EQ(tree.nodes[0].children[0].digit, '3');
  EXPECT_EQ(tree.nodes[0].children[0].hash, 5U);
  EXPECT_EQ(tree.nodes[0].children[1].digit, 'f');
  EXPECT_EQ(KeysOf(tree.nodes[1]), "a/t1=c1 a/t2=c2 b/=c3 ");
  EXPECT_EQ(tree.horizon_ms, 42);
  EXPECT_EQ(service_.tree_request.map(), "m");
  EXPECT_EQ(service_.tree_request.kind(), crdt::v1::CELL_KIND_OR);
  EXPECT_EQ(service_.tree_request.paths_size(), 2);
}

TEST_F(ReadersTest, AnAttemptThatBreaksOffLeavesNothingBehind) {
  v1::ReadTreeChunk chunk;
  AddCell(AddNode(chunk, 0, 9), "a", "t", "c");
  service_.trees = {{.chunks = {chunk}, .status = kAway}, {.chunks = {chunk}}};
  const auto answer = ReadTree({"374"});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(KeysOf((*answer)->nodes[0]), "a/t=c ");
  EXPECT_EQ(service_.attempts, 2U);
}

TEST_F(ReadersTest, MalformedChunksAreNotUsed) {
  std::vector<v1::ReadTreeChunk> malformed(4);
  AddNode(malformed[0], 1, 9);                     // no such path
  AddNode(malformed[1], 0, 9).set_digits("3");     // without its hash
  AddNode(malformed[2], 0, 9).add_key_lengths(1);  // without the bytes
  v1::TreeNode& short_cells = AddNode(malformed[3], 0, 9);
  AddCell(short_cells, "a", "t", "c");
  short_cells.set_cells("");
  for (const v1::ReadTreeChunk& chunk : malformed) service_.trees.push_back({.chunks = {chunk}});
  v1::ReadTreeChunk good;
  AddNode(good, 0, 8);
  service_.trees.push_back({.chunks = {good}});
  const auto answer = ReadTree({""});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ((*answer)->nodes[0].hash, 8U);
  EXPECT_EQ(service_.attempts, 5U);
}

TEST_F(ReadersTest, APathNobodyMentionsIsAnEmptyNode) {
  service_.trees = {{}};
  const auto answer = ReadTree({"", "3"});
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ((*answer)->nodes.size(), 2U);
  EXPECT_EQ((*answer)->nodes[1].hash, 0U);
}

TEST_F(ReadersTest, TagsComeBackInTheirOrder) {
  v1::ResolveTagsReply reply;
  reply.set_states(std::string("\x01\x00\x02", 3));
  reply.set_keys("homeold");
  for (const uint32_t length : {4U, 0U, 3U}) reply.add_key_lengths(length);
  service_.tags = {{.status = kAway}, {.chunks = {reply}}};
  const auto tags = ResolveTags({"t1", "", "t3"});
  ASSERT_TRUE(tags.ok());
  ASSERT_EQ(tags->size(), 3U);
  EXPECT_EQ((*tags)[0].state, TagState::kLive);
  EXPECT_EQ((*tags)[0].key, "home");
  EXPECT_EQ((*tags)[1].state, TagState::kUnknown);
  EXPECT_EQ((*tags)[2].state, TagState::kDead);
  EXPECT_EQ((*tags)[2].key, "old");
  EXPECT_EQ(service_.tags_request.tags(), "t1t3");
  EXPECT_EQ(service_.attempts, 2U);
}

TEST_F(ReadersTest, FewerTagsThanAskedForAreAnError) {
  v1::ResolveTagsReply reply;
  reply.set_states(std::string("\x02", 1));
  reply.add_key_lengths(0);
  service_.tags = {{.chunks = {reply}}};
  const auto tags = ResolveTags({"t1", "t2"});
  EXPECT_EQ(tags.status().code(), StatusCode::kInternal);
}

v1::ReadMapChunk RowsChunk(const std::vector<std::string>& keys) {
  v1::ReadMapChunk chunk;
  for (const std::string& key : keys) {
    chunk.mutable_keys()->append(key);
    chunk.add_key_lengths(static_cast<uint32_t>(key.size()));
    chunk.mutable_values()->append("\x01");
    chunk.add_value_lengths(1);
  }
  return chunk;
}

TEST_F(ReadersTest, ExpiriesBelongToTheRowsOfTheirChunk) {
  std::vector<v1::ReadMapChunk> chunks = {RowsChunk({"a", "b"}), RowsChunk({"c", "d"})};
  chunks[0].add_expiry_index(1);
  chunks[0].add_expires_ms(100);
  chunks[1].add_expiry_index(0);
  chunks[1].add_expires_ms(200);
  chunks[1].set_has_more(true);
  service_.maps = {{.chunks = chunks}};
  const auto snapshot = ReadMap();
  ASSERT_TRUE(snapshot.ok());
  const MapSnapshot& rows = **snapshot;
  ASSERT_EQ(rows.rows.size(), 4U);
  EXPECT_EQ(rows.rows[3].key, "d");
  ASSERT_EQ(rows.expiries.size(), 2U);
  EXPECT_EQ(rows.expiries[0].row, 1U);
  EXPECT_EQ(rows.expiries[0].expires_ms, 100);
  EXPECT_EQ(rows.expiries[1].row, 2U);
  EXPECT_EQ(rows.expiries[1].expires_ms, 200);
  EXPECT_TRUE(rows.has_more);
}

TEST_F(ReadersTest, ExpiriesOfNoRowAreMalformed) {
  std::vector<v1::ReadMapChunk> malformed(3, RowsChunk({"a", "b"}));
  malformed[0].add_expiry_index(2);
  malformed[0].add_expires_ms(100);
  malformed[1].add_expiry_index(0);
  for (const uint32_t index : {1U, 0U}) {
    malformed[2].add_expiry_index(index);
    malformed[2].add_expires_ms(100);
  }
  for (const v1::ReadMapChunk& chunk : malformed) service_.maps.push_back({.chunks = {chunk}});
  service_.maps.push_back({.chunks = {RowsChunk({"a"})}});
  const auto snapshot = ReadMap();
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ((*snapshot)->rows.size(), 1U);
  EXPECT_TRUE((*snapshot)->expiries.empty());
  EXPECT_EQ(service_.attempts, 4U);
}

TEST_F(ReadersTest, AQueryIsAskedInItsParts) {
  service_.maps = {{.status = kAway}, {.chunks = {RowsChunk({"b", "a"})}}};
  const auto snapshot = ReadQuery({.where = "w",
                                   .predicate = "p",
                                   .sort = "s",
                                   .group_by = "g",
                                   .aggregations = "a",
                                   .after = "rank"});
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ((*snapshot)->rows[0].key, "b") << "in the order of the query";
  EXPECT_EQ(service_.attempts, 2U);
  EXPECT_EQ(service_.map_request.map(), "m");
  EXPECT_EQ(service_.map_request.rows_max(), 18U);
  const v1::MapQuery& query = service_.map_request.query();
  EXPECT_EQ(query.where() + query.predicate() + query.sort() + query.group_by() +
                query.aggregations() + query.after(),
            "wpsgarank");
}

TEST_F(ReadersTest, AQueryForEverythingIsAQueryAllTheSame) {
  service_.maps = {{.chunks = {RowsChunk({})}}, {.chunks = {RowsChunk({})}}};
  ASSERT_TRUE(ReadQuery({}).ok());
  EXPECT_TRUE(service_.map_request.has_query());
  EXPECT_FALSE(service_.map_request.query().has_after());
  ASSERT_TRUE(ReadMap().ok());
  EXPECT_FALSE(service_.map_request.has_query());
}

TEST_F(ReadersTest, WhatIsNotUnderstoodIsNotAskedAgain) {
  service_.maps = {{.status = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "where: too deep")}};
  const auto snapshot = ReadQuery({.where = "w"});
  EXPECT_EQ(snapshot.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(service_.attempts, 1U);
}

TEST_F(ReadersTest, ACounterIsReadAtWhicheverReplicaAnswers) {
  v1::ReadCounterReply reply;
  reply.set_state("\x82");
  service_.counters = {{.status = kAway}, {.chunks = {reply}}};
  StatusOr<std::string> state = Internal("no answer");
  bool done = false;
  counters_->ReadCounter("likes", [&](auto answer) {
    state = std::move(answer);
    done = true;
  });
  EXPECT_FALSE(done) << "never inside the call";
  EXPECT_TRUE(RunUntil([&] { return done; }));
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(*state, "\x82");
  EXPECT_EQ(service_.counter_request.name(), "likes");
  EXPECT_EQ(service_.attempts, 2U);
}

TEST_F(ReadersTest, OnlySoManyCountersAreReadAtATime) {
  size_t refused = 0;
  for (size_t i = 0; i <= GrpcCounterReader::kRunningMax; ++i) {
    counters_->ReadCounter("likes", [&refused](const auto& answer) {
      if (answer.status().code() == StatusCode::kResourceExhausted) ++refused;
    });
  }
  EXPECT_TRUE(RunUntil([&] { return refused > 0; }));
  EXPECT_EQ(refused, 1U);
}

TEST_F(ReadersTest, AfterCloseNobodyIsCalled) {
  bool called = false;
  trees_->ReadTree({.kind = state::CellKind::kLww, .map = "m", .paths = {""}},
                   [&](const auto&) { called = true; });
  EXPECT_TRUE(RunUntil([this] {
    const std::lock_guard lock(service_.mutex);
    return service_.attempts > 0;
  }));
  trees_->Close();
  EXPECT_TRUE(RunUntil([this] { return active_calls_ == 0; }));
  EXPECT_FALSE(called);
}

v1::SearchMapReply Found() {
  v1::SearchMapReply reply;
  reply.set_keys("bba");
  reply.add_key_lengths(2);
  reply.add_key_lengths(1);
  reply.add_scores(2.5);
  reply.add_scores(0.5);
  reply.add_expiry_index(1);
  reply.add_expires_ms(7);
  return reply;
}

TEST_F(ReadersTest, SearchesAreTriedAgainAtAnotherReplica) {
  service_.searches = {{.status = kAway}, {.chunks = {Found()}}};
  const StatusOr<SearchHits> hits =
      Search({.map = "m", .query = "q", .limit = 3, .min_score = 0.5, .keys = {"bb", "a"}});
  ASSERT_TRUE(hits.ok());
  ASSERT_EQ((*hits)->size(), 2U);
  EXPECT_EQ((**hits)[0].key, "bb");
  EXPECT_EQ((**hits)[0].score, 2.5);
  EXPECT_EQ((**hits)[0].expires_ms, std::nullopt);
  EXPECT_EQ((**hits)[1].key, "a");
  EXPECT_EQ((**hits)[1].expires_ms, 7);
  EXPECT_EQ(service_.attempts, 2U);
  EXPECT_EQ(service_.search_request.map(), "m");
  EXPECT_EQ(service_.search_request.query(), "q");
  EXPECT_EQ(service_.search_request.limit(), 3U);
  EXPECT_EQ(service_.search_request.min_score(), 0.5);
  EXPECT_EQ(service_.search_request.keys(), "bba");
  EXPECT_EQ(service_.search_request.key_lengths_size(), 2);
}

TEST_F(ReadersTest, SearchesThatNobodyCanAnswerAreNotTriedAgain) {
  for (const auto code :
       {grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::RESOURCE_EXHAUSTED}) {
    service_.searches = {{.status = {code, "because"}}};
    const StatusOr<SearchHits> hits = Search({.map = "m", .query = "q"});
    EXPECT_EQ(static_cast<int>(hits.status().code()), static_cast<int>(code));
    EXPECT_EQ(Message(hits.status()), "because");
  }
  EXPECT_EQ(service_.attempts, 2U);
}

TEST_F(ReadersTest, MalformedHitsAreAnError) {
  v1::SearchMapReply long_key = Found();
  long_key.set_key_lengths(0, 9);
  v1::SearchMapReply no_score = Found();
  no_score.mutable_scores()->RemoveLast();
  v1::SearchMapReply far_expiry = Found();
  far_expiry.set_expiry_index(0, 2);
  for (const v1::SearchMapReply& reply : {long_key, no_score, far_expiry}) {
    service_.searches = {{.chunks = {reply}}};
    EXPECT_EQ(Search({.map = "m", .query = "q"}).status().code(), StatusCode::kInternal);
  }
}

}  // namespace
}  // namespace topgun::gateway
