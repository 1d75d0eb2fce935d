// Counting maps and gathering lost writes over gRPC: two sync replicas that say what the test
// wants.
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
#include <vector>

#include "backend/loser_reader.h"
#include "backend/map_counter.h"
#include "metrics/registry.h"
#include "support/wait.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::gateway {
namespace {

namespace v1 = sync::v1;

class ScriptedReplica final : public v1::Sync::Service {
 public:
  ScriptedReplica() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~ScriptedReplica() override { Stop(); }
  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status ListLosers(grpc::ServerContext* /*context*/, const v1::ListLosersRequest* request,
                          v1::ListLosersReply* reply) override {
    const std::lock_guard lock(mutex);
    losers_request = *request;
    *reply = losers;
    return status;
  }
  grpc::Status CountMap(grpc::ServerContext* /*context*/, const v1::CountMapRequest* request,
                        v1::CountMapReply* reply) override {
    const std::lock_guard lock(mutex);
    count_request = *request;
    ++counts;
    reply->set_live(live);
    return status;
  }

  void AddLoser(const std::string& key, int64_t millis, int64_t lost_at_ms) {
    v1::Loser& loser = *losers.add_losers();
    loser.set_key(key);
    loser.set_value("\x01");
    loser.set_millis(millis);
    loser.set_node("n");
    loser.set_winner_millis(millis + 5);
    loser.set_lost_at_ms(lost_at_ms);
  }

  std::string address;
  std::mutex mutex;
  grpc::Status status;
  v1::ListLosersRequest losers_request;
  v1::ListLosersReply losers;
  v1::CountMapRequest count_request;
  uint64_t live = 0;
  size_t counts = 0;

 private:
  std::unique_ptr<grpc::Server> server_;
};

class AdminReadersTest : public testing::Test {
 protected:
  AdminReadersTest() {
    replicas_.Start();
    EXPECT_TRUE(RunUntil([this] { return replicas_.up_count() == 2; }));
  }
  ~AdminReadersTest() override {
    replicas_.Stop();
    losers_.Close();
    counter_.Close();
    EXPECT_TRUE(RunUntil([this] { return active_calls_ == 0; }));
  }

  // Runs the loop until the condition holds.
  bool RunUntil(const std::function<bool()>& condition) {
    return support::WaitUntil([&] {
      io_.restart();
      io_.poll();
      replicas_.Tick(std::chrono::steady_clock::now());
      return condition();
    });
  }
  LostWrites ReadLosers(const std::optional<std::string>& key = std::nullopt, uint32_t limit = 0) {
    std::optional<LostWrites> result;
    losers_.ReadLosers("m", key, limit, [&](LostWrites lost) { result = std::move(lost); });
    EXPECT_FALSE(result.has_value()) << "never inside the call";
    EXPECT_TRUE(RunUntil([&] { return result.has_value(); }));
    return result.value_or(LostWrites());
  }
  StatusOr<uint64_t> Count(state::CellKind kind) {
    std::optional<StatusOr<uint64_t>> result;
    counter_.Count(kind, "m", [&](const StatusOr<uint64_t>& count) { result = count; });
    EXPECT_TRUE(RunUntil([&] { return result.has_value(); }));
    return result.value_or(Internal("no answer"));
  }

  ScriptedReplica first_;
  ScriptedReplica second_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  metrics::Registry registry_{"test"};
  Probe probe_{registry_, 0};
  size_t active_calls_ = 0;
  discovery::Resolver resolver_{
      {.service = "sync"}, discovery::MakeSources({first_.address, second_.address}), registry_};
  ReplicaSet replicas_{io_, resolver_, {}, probe_};
  GrpcLoserReader losers_{io_, active_calls_, replicas_};
  GrpcMapCounter counter_{io_, active_calls_, replicas_};
};

std::string KeysOf(const LostWrites& lost) {
  std::string keys;
  for (const LostWrite& write : lost.writes) keys += write.key;
  return keys;
}

TEST_F(AdminReadersTest, GathersLostWritesFromAllReplicas) {
  first_.AddLoser("a", 10, 100);
  first_.AddLoser("b", 20, 300);
  second_.AddLoser("c", 30, 200);
  second_.AddLoser("b", 20, 150);  // sent to both: it lost when it first did
  second_.AddLoser("b", 21, 50);
  second_.losers.mutable_losers(0)->set_ttl_ms(60);
  const LostWrites lost = ReadLosers();
  EXPECT_EQ(KeysOf(lost), "cbab") << "newest first";
  EXPECT_EQ(lost.replicas_asked, 2U);
  EXPECT_EQ(lost.replicas_answered, 2U);
  EXPECT_EQ(lost.writes[0].ttl_ms, 60);
  EXPECT_EQ(lost.writes[1].lost_at_ms, 150);
  EXPECT_EQ(lost.writes[1].ttl_ms, std::nullopt);
  EXPECT_EQ(lost.writes[1].timestamp, crdt::Timestamp(20, 0, "n"));
  EXPECT_EQ(lost.writes[1].winner.millis, 25);
  EXPECT_FALSE(first_.losers_request.has_key());

  EXPECT_EQ(KeysOf(ReadLosers("b", 2)), "cb") << "the limit holds for all together";
  for (const ScriptedReplica* const replica : {&first_, &second_}) {
    EXPECT_EQ(replica->losers_request.map(), "m");
    EXPECT_EQ(replica->losers_request.key(), "b");
    EXPECT_EQ(replica->losers_request.limit(), 2U);
  }
}

TEST_F(AdminReadersTest, SaysWhoHasNotAnswered) {
  first_.AddLoser("a", 10, 100);
  second_.status = {grpc::StatusCode::UNAVAILABLE, "shutting down"};
  LostWrites lost = ReadLosers();
  EXPECT_EQ(KeysOf(lost), "a");
  EXPECT_EQ(lost.replicas_asked, 2U);
  EXPECT_EQ(lost.replicas_answered, 1U);
  first_.Stop();
  second_.Stop();
  ASSERT_TRUE(RunUntil([this] { return replicas_.up_count() == 0; }));
  lost = ReadLosers();
  EXPECT_EQ(lost.replicas_asked, 2U);
  EXPECT_EQ(lost.replicas_answered, 0U);
}

TEST_F(AdminReadersTest, HasALimitOfReads) {
  size_t answered = 0;
  size_t refused = 0;
  for (size_t i = 0; i <= GrpcLoserReader::kRunningMax; ++i) {
    losers_.ReadLosers("m", std::nullopt, 0, [&](const LostWrites& lost) {
      ++(lost.replicas_answered == 2 ? answered : refused);
    });
  }
  ASSERT_TRUE(RunUntil([&] { return answered + refused > GrpcLoserReader::kRunningMax; }));
  EXPECT_EQ(answered, GrpcLoserReader::kRunningMax);
  EXPECT_EQ(refused, 1U);
}

TEST_F(AdminReadersTest, CountsAtAnyReplica) {
  first_.live = second_.live = 7;
  EXPECT_EQ(Count(state::CellKind::kOr).value(), 7U);
  const ScriptedReplica& asked = first_.counts > 0 ? first_ : second_;
  EXPECT_EQ(asked.count_request.map(), "m");
  EXPECT_EQ(asked.count_request.kind(), crdt::v1::CELL_KIND_OR);
  EXPECT_EQ(first_.counts + second_.counts, 1U);
  {
    const std::lock_guard lock(first_.mutex);
    first_.status = second_.status = {grpc::StatusCode::RESOURCE_EXHAUSTED, "does not fit"};
  }
  EXPECT_EQ(Count(state::CellKind::kLww).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(first_.counts + second_.counts, 2U) << "the others have no more room";
}

}  // namespace
}  // namespace topgun::gateway
