// The scripts of locks (docs/state-layout.md, "Locks") against a real Redis.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "redis_client.h"
#include "state/keys.h"
#include "state/scripts.h"
#include "support/redis_server.h"

namespace topgun::state {
namespace {

constexpr uint64_t kTokensPerIncarnation = uint64_t{1} << 24;

std::string Granted(uint64_t incarnation, uint64_t counter) {
  return "[1 " + std::to_string(incarnation * kTokensPerIncarnation + counter) + "]";
}

class StateLocksTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new support::RedisServer(); }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    client_ = std::make_unique<redis::RedisClient>(server_->address());
    ASSERT_TRUE(client_->Send({"FLUSHALL"}).ok());
    Open(5);
  }

  std::string Send(std::initializer_list<std::string_view> args) {
    return redis::Render(client_->Send(args));
  }
  void Open(uint64_t incarnation) {
    incarnation_ = std::to_string(incarnation);
    Send({"HSET", keys_.meta(), "run", "run", "inc", incarnation_, "n", "1"});
  }

  std::string Acquire(const std::string& owner, const std::string& held_token = "0",
                      const std::string& ttl_ms = "100000", const std::string& name = "jobs") {
    return redis::Render(client_->Eval(LockAcquireScript(),
                                       {keys_.meta(), keys_.token(), keys_.Lock(name)},
                                       {"run", incarnation_, owner, ttl_ms, held_token}));
  }
  // Somebody else holds it: for how long still, in ms.
  int64_t HeldFor(const std::string& owner, const std::string& held_token = "0") {
    const std::string reply = Acquire(owner, held_token);
    EXPECT_EQ(reply.substr(0, 3), "[2 ") << reply;
    return std::stoll(reply.substr(3));
  }
  std::string Release(const std::string& token, const std::string& owner,
                      const std::string& name = "jobs") {
    return redis::Render(client_->Eval(LockReleaseScript(), {keys_.Lock(name)}, {token, owner}));
  }
  std::string Token(uint64_t counter) {
    return std::to_string(5 * kTokensPerIncarnation + counter);
  }

  static support::RedisServer* server_;
  std::unique_ptr<redis::RedisClient> client_;
  const ShardKeys keys_{"tg", 0, 1};
  std::string incarnation_;
};
support::RedisServer* StateLocksTest::server_ = nullptr;

TEST_F(StateLocksTest, OneOwnerAtATimeAndTokensGrow) {
  EXPECT_EQ(Acquire("a"), Granted(5, 1));
  const int64_t left = HeldFor("b");
  EXPECT_GT(left, 0);
  EXPECT_LE(left, 100'000);
  EXPECT_EQ(Acquire("b", "0", "100000", "other"), Granted(5, 2)) << "another lock of the shard";
  EXPECT_EQ(Release(Token(1), "a"), "[1]");
  EXPECT_EQ(Acquire("b"), Granted(5, 3));
  EXPECT_GT(HeldFor("a"), 0);
}

TEST_F(StateLocksTest, OwnersAndNamesMayBeAnyBytes) {
  const std::string owner("\0 \r\n\xff\x31 1", 8);
  EXPECT_EQ(Acquire(owner), Granted(5, 1));
  EXPECT_GT(HeldFor(owner + "x"), 0);
  EXPECT_EQ(Acquire(owner, Token(1)), Granted(5, 1));
  EXPECT_EQ(Release(Token(1), owner + "x"), "[0]");
  EXPECT_EQ(Release(Token(1), owner), "[1]");
}

TEST_F(StateLocksTest, ALeaseIsExtendedAndNeverShortened) {
  ASSERT_EQ(Acquire("a", "0", "50000"), Granted(5, 1));
  EXPECT_EQ(Acquire("a", Token(1), "100000"), Granted(5, 1));
  EXPECT_GT(HeldFor("b"), 50'000);
  EXPECT_EQ(Acquire("a", Token(1), "1000"), Granted(5, 1));
  EXPECT_GT(HeldFor("b"), 50'000);
}

TEST_F(StateLocksTest, OnlyWhatIsHeldIsExtended) {
  EXPECT_EQ(HeldFor("a", Token(1)), 0) << "free, but that is for those in line";
  ASSERT_EQ(Acquire("a"), Granted(5, 1));
  EXPECT_GT(HeldFor("a", Token(2)), 0) << "another token";
  EXPECT_GT(HeldFor("b", Token(1)), 0) << "another owner";
  EXPECT_EQ(Send({"GET", keys_.token()}), "\"" + Token(1) + "\"");
}

// The answer to the first call got lost; whoever takes that grant back must not free the second.
TEST_F(StateLocksTest, AGrantThatItsOwnerNeverHeardOfIsReplaced) {
  ASSERT_EQ(Acquire("a"), Granted(5, 1));
  EXPECT_EQ(Acquire("a"), Granted(5, 2));
  EXPECT_EQ(Release(Token(1), ""), "[0]");
  EXPECT_GT(HeldFor("b"), 0);
  EXPECT_EQ(Release(Token(2), ""), "[1]");
}

TEST_F(StateLocksTest, ALeaseEndsByItself) {
  ASSERT_EQ(Acquire("a", "0", "20"), Granted(5, 1));
  EXPECT_TRUE(support::WaitUntil([this] { return Send({"EXISTS", keys_.Lock("jobs")}) == "0"; }));
  EXPECT_EQ(Send({"DBSIZE"}), "2") << "nothing is left of it but the shard's meta and token";
  EXPECT_EQ(Release(Token(1), "a"), "[0]");
  EXPECT_EQ(HeldFor("a", Token(1)), 0);
  EXPECT_EQ(Acquire("b"), Granted(5, 2));
}

TEST_F(StateLocksTest, ReleasesNameATokenAnOwnerOrBoth) {
  EXPECT_EQ(Release("0", "a"), "[0]") << "free";
  ASSERT_EQ(Acquire("a"), Granted(5, 1));
  EXPECT_EQ(Release(Token(2), "a"), "[0]");
  EXPECT_EQ(Release(Token(1), "b"), "[0]");
  EXPECT_EQ(Release("0", "b"), "[0]");
  EXPECT_EQ(Release("0", "a"), "[1]");
  EXPECT_EQ(Release("0", "a"), "[0]");
  Send({"DEL", keys_.meta()});
  Open(5);
  ASSERT_EQ(Acquire("a"), Granted(5, 2));
  Send({"DEL", keys_.meta()});
  EXPECT_EQ(Release(Token(2), ""), "[1]") << "whether the shard is open or not";
}

TEST_F(StateLocksTest, AClosedShardGrantsNothing) {
  ASSERT_EQ(Acquire("a"), Granted(5, 1));
  Send({"HSET", keys_.meta(), "inc", "6"});
  EXPECT_EQ(Acquire("a", Token(1)), "[3 \"run\" \"6\"]");
  Send({"HSET", keys_.meta(), "inc", "5", "run", "other"});
  EXPECT_EQ(Acquire("b"), "[3 \"other\" \"5\"]");
  Send({"DEL", keys_.meta()});
  EXPECT_EQ(Acquire("b", "0", "1000", "free"), "[3 \"\" \"\"]");
  EXPECT_EQ(Send({"GET", keys_.token()}), "\"" + Token(1) + "\"");
  EXPECT_EQ(Send({"EXISTS", keys_.Lock("free")}), "0");
}

TEST_F(StateLocksTest, TokensGrowOverIncarnationsWhateverWasForgotten) {
  ASSERT_EQ(Acquire("a"), Granted(5, 1));
  ASSERT_EQ(Release(Token(1), "a"), "[1]");
  ASSERT_EQ(Acquire("a"), Granted(5, 2));
  Send({"FLUSHALL"});
  Open(6);
  EXPECT_EQ(Acquire("b"), Granted(6, 1));
  Send({"DEL", keys_.Lock("jobs")});
  Send({"SET", keys_.token(), Token(1)});  // an older file
  Open(7);
  EXPECT_EQ(Acquire("b"), Granted(7, 1));
}

TEST_F(StateLocksTest, UsedUpTokensCloseTheShard) {
  Send({"SET", keys_.token(), Token(kTokensPerIncarnation - 2)});
  EXPECT_EQ(Acquire("a", "0", "1000", "x"), Granted(5, kTokensPerIncarnation - 1));
  EXPECT_EQ(Acquire("a", "0", "1000", "y"), "[3 \"\" \"5\"]");
  EXPECT_EQ(Send({"HGET", keys_.meta(), "run"}), "\"\"");
  EXPECT_EQ(Acquire("a", "0", "1000", "y"), "[3 \"\" \"5\"]");
  Open(6);
  EXPECT_EQ(Acquire("a", "0", "1000", "y"), Granted(6, 1));
}

// An incarnation that fell behind (Postgres from an old backup) must not close the shard for ever.
TEST_F(StateLocksTest, TokensBeyondTheIncarnationAreCountedOn) {
  Send({"SET", keys_.token(), std::to_string(9 * kTokensPerIncarnation + 3)});
  EXPECT_EQ(Acquire("a"), Granted(9, 4));
}

TEST_F(StateLocksTest, TokensAreExactUpToTheLargest) {
  constexpr uint64_t kIncarnation = (uint64_t{1} << 29) - 1;
  Open(kIncarnation);
  Send({"SET", keys_.token(), std::to_string((uint64_t{1} << 53) - 3)});
  EXPECT_EQ(Acquire("a"), Granted(kIncarnation, kTokensPerIncarnation - 2));
  EXPECT_EQ(Acquire("a", std::to_string((uint64_t{1} << 53) - 2)),
            Granted(kIncarnation, kTokensPerIncarnation - 2));
}

}  // namespace
}  // namespace topgun::state
