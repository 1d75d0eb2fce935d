// The gateway's reader of the journal against replicas whose answers the test decides: every shard
// is asked once, at the replica that serves it, and the answers are merged.
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "backend/journal_reader.h"
#include "metrics/registry.h"
#include "state/cell.h"
#include "support/wait.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::gateway {
namespace {

constexpr uint32_t kJournalShards = 8;

// Has one event per shard, of the key k<shard>; those of lower shards are younger.
class JournalService final : public sync::v1::Sync::Service {
 public:
  grpc::Status ReadJournal(grpc::ServerContext* /*context*/,
                           const sync::v1::ReadJournalRequest* request,
                           sync::v1::ReadJournalReply* reply) override {
    const std::lock_guard lock(mutex);
    requests.push_back(*request);
    if (failures > 0) {
      --failures;
      return {grpc::StatusCode::UNAVAILABLE, "shutting down"};
    }
    reply->add_maps("m");
    // Ascending: from the last shard down.
    for (int i = request->shards_size(); i-- > 0;) {
      const uint32_t shard = request->shards(i);
      state::CellView cell;
      cell.version = {1, 100 + shard};
      cell.commit_ms = 1'000 - shard;
      cell.timestamp = {1, 0, "n"};
      cell.value = "\x01";
      const std::string bytes = state::EncodeCell(cell);
      const std::string key = "k" + std::to_string(shard);
      reply->add_map_index(0);
      reply->mutable_keys()->append(key);
      reply->add_key_lengths(static_cast<uint32_t>(key.size()));
      reply->mutable_cells()->append(bytes);
      reply->add_cell_lengths(static_cast<uint32_t>(bytes.size()));
      reply->add_shards(shard);
      reply->add_change_index(2);
      sync::v1::ShardPosition& position = *reply->add_positions();
      position.set_shard(shard);
      position.mutable_position()->set_incarnation(1);
      position.mutable_position()->set_n(100 + shard);
      if (shard == next_of_shard) reply->mutable_next()->set_commit_ms(998);
    }
    if (malformed) reply->mutable_cells()->clear();
    return grpc::Status::OK;
  }

  std::mutex mutex;
  std::vector<sync::v1::ReadJournalRequest> requests;
  int failures = 0;
  bool malformed = false;
  uint32_t next_of_shard = kJournalShards;  // none
};

class JournalReaderTest : public ::testing::Test {
 protected:
  JournalReaderTest() {
    std::vector<std::string> targets;
    for (auto& server : servers_) {
      int port = 0;
      grpc::ServerBuilder builder;
      builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
      builder.RegisterService(&service_);
      server = builder.BuildAndStart();
      targets.push_back("127.0.0.1:" + std::to_string(port));
    }
    resolver_ = std::make_unique<discovery::Resolver>(discovery::ResolverOptions{.service = "sync"},
                                                      discovery::MakeSources(targets), registry_);
    replicas_ = std::make_unique<ReplicaSet>(io_, *resolver_, rpc::Credentials(), probe_);
    reader_ = std::make_unique<GrpcJournalReader>(io_, active_calls_, kJournalShards, *replicas_);
    replicas_->Start();
    EXPECT_TRUE(RunUntil([this] { return replicas_->up_count() == 2; }));
  }
  ~JournalReaderTest() override {
    replicas_->Stop();
    reader_->Close();
    EXPECT_TRUE(RunUntil([this] { return active_calls_ == 0; }));
    for (auto& server : servers_) server->Shutdown(std::chrono::system_clock::now());
  }

  bool RunUntil(const std::function<bool()>& condition) {
    return support::WaitUntil([&] {
      io_.restart();
      io_.poll();
      replicas_->Tick(std::chrono::steady_clock::now());
      return condition();
    });
  }
  StatusOr<std::shared_ptr<const JournalAnswer>> Read(const JournalQuery& query) {
    StatusOr<std::shared_ptr<const JournalAnswer>> result = Internal("no answer");
    bool done = false;
    reader_->ReadJournal(query, [&](auto answer) {
      result = std::move(answer);
      done = true;
    });
    EXPECT_FALSE(done) << "never inside the call";
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return result;
  }
  static std::string Keys(const JournalAnswer& answer) {
    std::string keys;
    for (const JournalRecord& record : answer.records) keys.append(record.key).append(" ");
    return keys;
  }

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  metrics::Registry registry_{"test"};
  Probe probe_{registry_, 0};
  size_t active_calls_ = 0;
  JournalService service_;
  std::array<std::unique_ptr<grpc::Server>, 2> servers_;
  std::unique_ptr<discovery::Resolver> resolver_;
  std::unique_ptr<ReplicaSet> replicas_;
  std::unique_ptr<GrpcJournalReader> reader_;
};

TEST_F(JournalReaderTest, AsksForEveryShardOnceAndMerges) {
  const std::vector<state::Position> upto(kJournalShards, {3, 30});
  const auto answer = Read({.from = {7, 1, 2, 3}, .map = "m", .limit = 100, .upto = upto});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(Keys(**answer), "k7 k6 k5 k4 k3 k2 k1 k0 ");
  EXPECT_FALSE((*answer)->next);
  const JournalRecord& first = (*answer)->records[0];
  EXPECT_EQ(first.map, "m");
  EXPECT_EQ(first.sequence, (state::JournalSequence{993, 7, 107, 2}));
  EXPECT_EQ((*answer)->positions.at(5), (state::Position{1, 105}));

  std::map<uint32_t, int> asked;
  for (const auto& request : service_.requests) {
    EXPECT_EQ(request.map(), "m");
    EXPECT_EQ(request.limit(), 100U);
    EXPECT_EQ(request.from().index(), 3U);
    for (const uint32_t shard : request.shards()) ++asked[shard];
    ASSERT_EQ(request.upto_size(), request.shards_size());
    EXPECT_EQ(request.upto(0).position().n(), 30U);
    for (const uint32_t shard : request.shards()) {
      EXPECT_EQ(replicas_->PickForShard(shard), replicas_->PickForShard(request.shards(0)));
    }
  }
  EXPECT_EQ(asked.size(), kJournalShards);
  for (const auto& [shard, times] : asked) EXPECT_EQ(times, 1) << shard;
}

TEST_F(JournalReaderTest, WhatOneReplicaHasNotLookedAtEndsTheAnswer) {
  service_.next_of_shard = 4;
  const auto answer = Read({.limit = 100});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(Keys(**answer), "k7 k6 k5 k4 k3 ");
  ASSERT_TRUE((*answer)->next);
  EXPECT_EQ((*answer)->next->commit_ms, 998U);
  const auto cut = Read({.limit = 2});
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(Keys(**cut), "k7 k6 ");
  EXPECT_EQ((*cut)->next->shard, 5U);
}

TEST_F(JournalReaderTest, TriesAnotherReplica) {
  service_.failures = 3;
  const auto answer = Read({.limit = 100});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ((*answer)->records.size(), kJournalShards);
}

TEST_F(JournalReaderTest, MalformedAnswersAreNotUsed) {
  service_.malformed = true;
  EXPECT_EQ(Read({.limit = 100}).status().code(), StatusCode::kInternal);
}

TEST_F(JournalReaderTest, ReadsAtATimeAreLimited) {
  size_t refused = 0;
  size_t answered = 0;
  const size_t all = GrpcJournalReader::kRunningMax + 3;
  for (size_t i = 0; i < all; ++i) {
    reader_->ReadJournal({.limit = 1}, [&](const auto& answer) {
      ++(answer.ok() ? answered : refused);
      if (!answer.ok()) {
        EXPECT_EQ(answer.status().code(), StatusCode::kResourceExhausted);
      }
    });
  }
  EXPECT_TRUE(RunUntil([&] { return refused + answered == all; }));
  EXPECT_EQ(refused, 3U);
  EXPECT_TRUE(Read({.limit = 1}).ok());
}

}  // namespace
}  // namespace topgun::gateway
