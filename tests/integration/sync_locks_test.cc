// Locks of topgun-sync as processes over a real Redis: lines, callers that leave, several replicas,
// tokens over restarts.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "redis_client.h"
#include "state/keys.h"
#include "support/http_client.h"
#include "support/redis_server.h"
#include "sync_process.h"

namespace topgun::sync {
namespace {

constexpr uint64_t kTokensPerIncarnation = uint64_t{1} << 24;

// An AcquireLock on its way. Waits for its end when it goes.
class Call {
 public:
  struct Wish {
    std::string owner;
    uint64_t ttl_ms = 100'000;
    uint64_t wait_ms = 60'000;
    uint64_t held_token = 0;
  };

  Call(SyncProcess& process, const Wish& wish) {
    request_.set_name("jobs");
    request_.set_owner(wish.owner);
    request_.set_ttl_ms(wish.ttl_ms);
    request_.set_wait_ms(wish.wait_ms);
    request_.set_held_token(wish.held_token);
    context_.set_deadline(std::chrono::system_clock::now() + 2 * support::kPatience);
    process.stub().async()->AcquireLock(&context_, &request_, &reply_,
                                        [this](const grpc::Status& status) {
                                          const std::lock_guard lock(mutex_);
                                          status_ = status;
                                        });
  }
  ~Call() {
    context_.TryCancel();
    EXPECT_TRUE(support::WaitUntil([this] { return ended(); }));
  }

  void Cancel() { context_.TryCancel(); }
  bool ended() const {
    const std::lock_guard lock(mutex_);
    return status_.has_value();
  }
  // The token; 0: none was granted.
  uint64_t Token() const {
    EXPECT_TRUE(support::WaitUntil([this] { return ended(); }));
    const std::lock_guard lock(mutex_);
    if (!status_ || !status_->ok()) {
      ADD_FAILURE() << (status_ ? status_->error_message() : "no answer");
      return 0;
    }
    EXPECT_EQ(reply_.granted(), reply_.token() != 0);
    return reply_.token();
  }

 private:
  mutable std::mutex mutex_;
  grpc::ClientContext context_;
  v1::AcquireLockRequest request_;
  v1::AcquireLockReply reply_;
  std::optional<grpc::Status> status_;
};

class SyncLocksTest : public testing::Test {
 protected:
  uint64_t Acquire(SyncProcess& process, const Call::Wish& wish) {
    return Call(process, wish).Token();
  }
  bool Release(SyncProcess& process, uint64_t token, const std::string& owner = "") {
    v1::ReleaseLockRequest request;
    request.set_name("jobs");
    request.set_token(token);
    request.set_owner(owner);
    v1::ReleaseLockReply reply;
    grpc::ClientContext context;
    return process.stub().ReleaseLock(&context, request, &reply).ok() && reply.released();
  }
  // As many requests wait at the process.
  bool Waiting(SyncProcess& process, int count) {
    const std::string line = "\nsync_lock_waiters " + std::to_string(count) + "\n";
    return support::WaitUntil([&] {
      std::string metrics;
      support::HttpExchange(process.admin_port(), "GET", "/metrics", &metrics);
      return metrics.find(line) != std::string::npos;
    });
  }

  support::RedisServer redis_;
  SyncProcess a_{redis_.address(), "null", 4};
};

TEST_F(SyncLocksTest, ReleasesGoDownTheLine) {
  const uint64_t first = Acquire(a_, {.owner = "1"});
  Call second(a_, {.owner = "2"});
  ASSERT_TRUE(Waiting(a_, 1));
  Call third(a_, {.owner = "3"});
  ASSERT_TRUE(Waiting(a_, 2));
  EXPECT_FALSE(Release(a_, first + 1));
  EXPECT_FALSE(Release(a_, first, "2"));
  EXPECT_TRUE(Release(a_, first, "1"));
  EXPECT_GT(second.Token(), first);
  EXPECT_FALSE(third.ended());
  EXPECT_TRUE(Release(a_, 0, "2"));
  EXPECT_GT(third.Token(), second.Token());
  EXPECT_EQ(Acquire(a_, {.owner = "3", .held_token = third.Token()}), third.Token());
}

TEST_F(SyncLocksTest, CallersLeaveTheLine) {
  const uint64_t first = Acquire(a_, {.owner = "1"});
  Call second(a_, {.owner = "2"});
  ASSERT_TRUE(Waiting(a_, 1));
  Call third(a_, {.owner = "3"});
  ASSERT_TRUE(Waiting(a_, 2));
  second.Cancel();
  ASSERT_TRUE(Waiting(a_, 1));
  EXPECT_TRUE(Release(a_, first));
  EXPECT_GT(third.Token(), first);
}

TEST_F(SyncLocksTest, WaitingAndLeasesEnd) {
  const uint64_t first = Acquire(a_, {.owner = "1"});
  EXPECT_EQ(Acquire(a_, {.owner = "2", .wait_ms = 10}), 0U);
  EXPECT_TRUE(Release(a_, first));
  const uint64_t second = Acquire(a_, {.owner = "2", .ttl_ms = 50});
  EXPECT_GT(Acquire(a_, {.owner = "3"}), second);
  EXPECT_FALSE(Release(a_, second));
}

TEST_F(SyncLocksTest, AReleaseAtAnotherReplicaReachesTheLine) {
  SyncProcess b(redis_.address(), "null", 4);
  const uint64_t first = Acquire(a_, {.owner = "1"});
  Call second(b, {.owner = "2"});
  ASSERT_TRUE(Waiting(b, 1));
  EXPECT_FALSE(second.ended());
  EXPECT_TRUE(Release(a_, first));
  EXPECT_GT(second.Token(), first);
}

TEST_F(SyncLocksTest, TokensGrowOverARestartOfRedisAndTheLineWaits) {
  const uint64_t first = Acquire(a_, {.owner = "1"});
  Call second(a_, {.owner = "2"});
  ASSERT_TRUE(Waiting(a_, 1));
  redis_.Restart();
  EXPECT_FALSE(second.ended()) << "the lock is in its file";
  ASSERT_TRUE(support::WaitUntil([&] { return Release(a_, first); }));
  EXPECT_GT(second.Token(), first + kTokensPerIncarnation / 2) << "another incarnation";
  ASSERT_TRUE(redis::RedisClient(redis_.address()).Send({"FLUSHALL"}).ok());
  EXPECT_GT(Acquire(a_, {.owner = "3"}), second.Token());
}

TEST_F(SyncLocksTest, AShardWhoseTokensAreUsedUpGoesOnUnderTheNextIncarnation) {
  const uint64_t first = Acquire(a_, {.owner = "1"});
  ASSERT_TRUE(Release(a_, first));
  const uint64_t incarnation = first / kTokensPerIncarnation;
  const state::ShardKeys keys("tg", state::ShardOf("jobs", 4), 4);
  const std::string last = std::to_string((incarnation + 1) * kTokensPerIncarnation - 1);
  ASSERT_TRUE(redis::RedisClient(redis_.address()).Send({"SET", keys.token(), last}).ok());
  EXPECT_EQ(Acquire(a_, {.owner = "1"}) / kTokensPerIncarnation, incarnation + 1);
}

TEST_F(SyncLocksTest, RequestsThatMakeNoSenseAreRefused) {
  const auto code = [this](const std::string& name, const std::string& owner, uint64_t ttl_ms) {
    v1::AcquireLockRequest request;
    request.set_name(name);
    request.set_owner(owner);
    request.set_ttl_ms(ttl_ms);
    v1::AcquireLockReply reply;
    grpc::ClientContext context;
    return a_.stub().AcquireLock(&context, request, &reply).error_code();
  };
  EXPECT_EQ(code("", "o", 1'000), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code(std::string(1'025, 'x'), "o", 1'000), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code("jobs", "", 1'000), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code("jobs", std::string(257, 'x'), 1'000), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code("jobs", "o", 0), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code("jobs", "o", 300'001), grpc::StatusCode::INVALID_ARGUMENT);
  v1::ReleaseLockRequest request;
  request.set_name("jobs");
  v1::ReleaseLockReply reply;
  grpc::ClientContext context;
  EXPECT_EQ(a_.stub().ReleaseLock(&context, request, &reply).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace topgun::sync
