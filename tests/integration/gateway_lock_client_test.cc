// The gateway's lock client against sync services whose answers the test decides: lines that stay
// together at one replica, callers that leave, limits.
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
#include <thread>
#include <utility>
#include <vector>

#include "backend/lock_client.h"
#include "metrics/registry.h"
#include "state/keys.h"
#include "support/wait.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::gateway {
namespace {

namespace v1 = sync::v1;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::WaitUntil;

// Keeps requests until the test answers them or their callers leave.
class LockService final : public v1::Sync::Service {
 public:
  grpc::Status AcquireLock(grpc::ServerContext* context, const v1::AcquireLockRequest* request,
                           v1::AcquireLockReply* reply) override {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
      ++waiting_;
    }
    std::optional<grpc::Status> status;
    WaitUntil([&] {
      const std::lock_guard lock(mutex_);
      if (answer_) {
        *reply = answer_->first;
        status = answer_->second;
      }
      return status || context->IsCancelled();
    });
    const std::lock_guard lock(mutex_);
    --waiting_;
    return status.value_or(grpc::Status::CANCELLED);
  }
  grpc::Status ReleaseLock(grpc::ServerContext* /*context*/, const v1::ReleaseLockRequest* request,
                           v1::ReleaseLockReply* reply) override {
    const std::lock_guard lock(mutex_);
    releases_.push_back(*request);
    reply->set_released(request->token() == 7);
    return grpc::Status::OK;
  }

  void Answer(uint64_t token, const grpc::Status& status = grpc::Status::OK) {
    const std::lock_guard lock(mutex_);
    v1::AcquireLockReply reply;
    reply.set_granted(token != 0);
    reply.set_token(token);
    answer_ = {reply, status};
  }
  int waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }
  std::vector<v1::AcquireLockRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<v1::ReleaseLockRequest> releases() const {
    const std::lock_guard lock(mutex_);
    return releases_;
  }

 private:
  mutable std::mutex mutex_;
  int waiting_ = 0;
  std::vector<v1::AcquireLockRequest> requests_;
  std::vector<v1::ReleaseLockRequest> releases_;
  std::optional<std::pair<v1::AcquireLockReply, grpc::Status>> answer_;
};

struct Server {
  void Start() {
    grpc::ServerBuilder builder;
    const std::string address = "127.0.0.1:" + std::to_string(port);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    server = builder.BuildAndStart();
    ASSERT_NE(server, nullptr);
  }
  void Stop() {
    if (server != nullptr) server->Shutdown(std::chrono::system_clock::now());
    server.reset();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port); }

  LockService service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

class LockClientTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kShards = 4;

  LockClientTest() {
    std::vector<std::string> targets;
    for (Server& server : servers_) {
      server.Start();
      targets.push_back(server.address());
    }
    resolver_ = std::make_unique<discovery::Resolver>(discovery::ResolverOptions{.service = "sync"},
                                                      discovery::MakeSources(targets), registry_);
    replicas_ = std::make_unique<ReplicaSet>(io_, *resolver_, rpc::Credentials(), probe_);
    locks_ =
        std::make_unique<GrpcLockClient>(io_, active_calls_, kShards, *replicas_,
                                         LockClientLimits{.acquires_max = 3, .releases_max = 1});
    replicas_->Start();
    EXPECT_TRUE(RunUntil([this] { return replicas_->up_count() == 2; }));
    const std::string best = replicas_->PickForShard(state::ShardOf("jobs", kShards))->address();
    best_ = &servers_[best == servers_[0].address() ? 0 : 1];
    other_ = &servers_[best == servers_[0].address() ? 1 : 0];
  }
  ~LockClientTest() override {
    locks_->Close();
    EXPECT_TRUE(RunUntil([this] { return active_calls_ == 0; }));
    replicas_->Stop();
    for (Server& server : servers_) server.Stop();
  }

  bool RunUntil(const std::function<bool()>& condition) {
    return WaitUntil([&] {
      io_.restart();
      io_.poll();
      replicas_->Tick(std::chrono::steady_clock::now());
      return condition();
    });
  }
  LockClient::CallId Acquire(milliseconds wait = seconds(60)) {
    return locks_->Acquire(
        {.name = "jobs",
         .owner = std::string("\0\xff", 2),
         .ttl = seconds(10),
         .wait = wait,
         .held_token = 5},
        [this](StatusOr<std::optional<uint64_t>> grant) { answers_.push_back(std::move(grant)); });
  }

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  metrics::Registry registry_{"test"};
  Probe probe_{registry_, 0};
  size_t active_calls_ = 0;
  std::array<Server, 2> servers_;
  Server* best_ = nullptr;  // for the lock's shard
  Server* other_ = nullptr;
  std::unique_ptr<discovery::Resolver> resolver_;
  std::unique_ptr<ReplicaSet> replicas_;
  std::unique_ptr<GrpcLockClient> locks_;
  std::vector<StatusOr<std::optional<uint64_t>>> answers_;
};

TEST_F(LockClientTest, WaitsAtTheReplicaOfTheShard) {
  Acquire();
  ASSERT_TRUE(RunUntil([this] { return best_->service.waiting() == 1; }));
  const v1::AcquireLockRequest request = best_->service.requests()[0];
  EXPECT_EQ(request.name(), "jobs");
  EXPECT_EQ(request.owner(), std::string("\0\xff", 2));
  EXPECT_EQ(request.ttl_ms(), 10'000U);
  EXPECT_EQ(request.held_token(), 5U);
  EXPECT_GT(request.wait_ms(), 0U);
  EXPECT_LE(request.wait_ms(), 60'000U);
  best_->service.Answer(7);
  ASSERT_TRUE(RunUntil([this] { return answers_.size() == 1; }));
  ASSERT_TRUE(answers_[0].ok());
  EXPECT_EQ(*answers_[0], 7U);
}

TEST_F(LockClientTest, AWaitThatEndedAndAFullLineAreAnswers) {
  best_->service.Answer(0);
  Acquire();
  ASSERT_TRUE(RunUntil([this] { return answers_.size() == 1; }));
  ASSERT_TRUE(answers_[0].ok());
  EXPECT_FALSE(answers_[0]->has_value());
  best_->service.Answer(0, {grpc::StatusCode::RESOURCE_EXHAUSTED, "full"});
  Acquire();
  ASSERT_TRUE(RunUntil([this] { return answers_.size() == 2; }));
  EXPECT_EQ(answers_[1].status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(other_->service.requests().empty());
}

TEST_F(LockClientTest, AServiceThatDoesNotKeepTheTimeIsNotWaitedFor) {
  Acquire(milliseconds(1));
  ASSERT_TRUE(RunUntil([this] { return answers_.size() == 1; }));
  EXPECT_FALSE(answers_[0].ok());
}

TEST_F(LockClientTest, WhoIsCancelledLeavesAndHearsNothing) {
  const LockClient::CallId call = Acquire();
  ASSERT_TRUE(RunUntil([this] { return best_->service.waiting() == 1; }));
  locks_->Cancel(call);
  locks_->Cancel(call);
  ASSERT_TRUE(RunUntil([this] { return best_->service.waiting() == 0 && active_calls_ == 0; }));
  EXPECT_TRUE(answers_.empty());
}

TEST_F(LockClientTest, TheLineFormsAnewWhereTheShardGoes) {
  Acquire();
  Acquire();
  ASSERT_TRUE(RunUntil([this] { return best_->service.waiting() == 2; }));
  best_->Stop();
  ASSERT_TRUE(RunUntil([this] { return other_->service.waiting() == 2; }));
  best_->Start();
  ASSERT_TRUE(RunUntil([this] { return best_->service.waiting() == 2; })) << "and back";
  EXPECT_TRUE(RunUntil([this] { return other_->service.waiting() == 0; }));
  best_->service.Answer(9);
  EXPECT_TRUE(RunUntil([this] { return answers_.size() == 2; }));
}

TEST_F(LockClientTest, ReleasesGoToWhereTheLineIs) {
  std::vector<StatusOr<bool>> released;
  const auto keep = [&released](const StatusOr<bool>& answer) { released.push_back(answer); };
  locks_->Release({.name = "jobs", .owner = "o", .token = 7}, seconds(20), keep);
  EXPECT_TRUE(locks_->releasing());
  ASSERT_TRUE(RunUntil([&] { return released.size() == 1; }));
  EXPECT_FALSE(locks_->releasing());
  locks_->Release({.name = "jobs", .owner = "o"}, seconds(20), keep);
  ASSERT_TRUE(RunUntil([&] { return released.size() == 2; }));
  EXPECT_TRUE(*released[0]);
  EXPECT_FALSE(*released[1]);
  ASSERT_EQ(best_->service.releases().size(), 2U);
  EXPECT_EQ(best_->service.releases()[0].owner(), "o");
  EXPECT_EQ(best_->service.releases()[0].token(), 7U);
  EXPECT_EQ(best_->service.releases()[1].token(), 0U);
}

TEST_F(LockClientTest, CallsOnTheirWayAreLimited) {
  for (int i = 0; i < 4; ++i) Acquire();
  EXPECT_TRUE(answers_.empty()) << "never inside the call";
  ASSERT_TRUE(RunUntil([this] { return answers_.size() == 1; }));
  EXPECT_EQ(answers_[0].status().code(), StatusCode::kResourceExhausted);
  std::vector<StatusOr<bool>> released;
  const auto keep = [&released](const StatusOr<bool>& answer) { released.push_back(answer); };
  locks_->Release({.name = "jobs", .owner = "o", .token = 7}, seconds(20), keep);
  locks_->Release({.name = "jobs", .owner = "o", .token = 7}, seconds(20), keep);
  ASSERT_TRUE(RunUntil([&] { return released.size() == 2; }));
  EXPECT_EQ(released[0].status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(released[1].ok());
}

}  // namespace
}  // namespace topgun::gateway
