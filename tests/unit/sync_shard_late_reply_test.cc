// Commits and reads travel on different connections, so a commit may be answered late: after the
// shard has changed its connection, or after the feed has told of what came next.
#include <gtest/gtest.h>

#include "sync_shard_fixture.h"

namespace topgun::sync {
namespace {

class ShardLateReplyTest : public ShardTest {
 protected:
  void SetUp() override {
    a_.shard.OnConnected();
    b_.shard.OnConnected();
    scheduler_.Advance(1000);
  }

  // Committed by the first replica, which does not know yet.
  void CommitUnanswered(std::string_view key, int64_t millis, std::string_view value, Done& done) {
    a_.store.hold_next_reply = true;
    a_.shard.Submit(Part(key, millis, value, done));
    scheduler_.Advance(100);
    ASSERT_EQ(Value(key), value);
    ASSERT_EQ(done.calls, 0);
  }

  void Reconnect() {
    a_.store.Reconnect();
    a_.shard.OnConnected();
    scheduler_.Advance(3000);
  }
};

TEST_F(ShardLateReplyTest, ACommitThatRedisLostMeanwhileIsNotAcknowledged) {
  Done done;
  CommitUnanswered("k", kNow, "1", done);
  a_.shard.OnDisconnected();
  redis_ = FakeRedis();
  redis_.run = "run-2";
  owner_.next_incarnation = 7;
  Reconnect();
  ASSERT_EQ(Value("k"), "<absent>");
  a_.store.ReleaseReply();
  scheduler_.Advance(3000);
  ASSERT_EQ(done.calls, 1);
  EXPECT_EQ(done.result.position.incarnation, 7u);
  EXPECT_EQ(Value("k"), "1");
}

TEST_F(ShardLateReplyTest, AfterAnotherConnectionTheCommitIsRepeatedWithoutEffect) {
  Done done;
  CommitUnanswered("k", kNow, "1", done);
  const size_t entries = redis_.feed.size();
  a_.shard.OnDisconnected();
  Reconnect();
  a_.store.ReleaseReply();
  scheduler_.Advance(3000);
  ASSERT_EQ(done.calls, 1);
  EXPECT_EQ(static_cast<Outcome>(done.result.outcomes[0]), Outcome::kDuplicate);
  EXPECT_EQ(redis_.feed.size(), entries);
}

TEST_F(ShardLateReplyTest, WhatTheFeedToldMeanwhileIsNotForgotten) {
  Done first;
  CommitUnanswered("k", kNow, "a", first);
  Done newer;
  b_.shard.Submit(Part("k", kNow + 20, "b", newer));
  scheduler_.Advance(1000);
  ASSERT_EQ(newer.calls, 1);
  bool read = false;
  a_.shard.Barrier([&](const StatusOr<state::Position>& position) {
    ASSERT_TRUE(position.ok());
    read = true;
  });
  scheduler_.Advance(100);
  ASSERT_TRUE(read);
  a_.store.ReleaseReply();
  scheduler_.Advance(100);
  ASSERT_EQ(first.calls, 1);
  Done between;
  a_.shard.Submit(Part("k", kNow + 10, "between", between));
  scheduler_.Advance(1000);
  ASSERT_EQ(between.calls, 1);
  EXPECT_EQ(static_cast<Outcome>(between.result.outcomes[0]), Outcome::kStale);
  EXPECT_EQ(Value("k"), "b");
}

}  // namespace
}  // namespace topgun::sync
