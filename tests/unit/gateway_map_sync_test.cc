// Merkle sync between a fake socket and fake trees (core.md 7.5, 7.6).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway_sync_fixture.h"

namespace topgun::gateway {
namespace {

using state::CellKind;
using std::chrono::milliseconds;

class MapSyncTest : public SyncTest {};

TEST_F(MapSyncTest, InitIsAnsweredWithTheRootAndAServerTimestamp) {
  Send(SyncInit("m"));
  EXPECT_EQ(gateway_.trees.reads.front().first.kind, CellKind::kLww);
  EXPECT_EQ(Paths(), std::vector<std::string>{""});
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  const wire::ServerFrame& reply = Reply();
  EXPECT_EQ(reply.type, wire::FrameType::kSyncRespRoot);
  EXPECT_EQ(reply.sync_root.root_hash, 7U);
  EXPECT_EQ(reply.sync_root.timestamp.millis, gateway_.clock.NowMs());
}

TEST_F(MapSyncTest, RequestsThatWaitForAReadAreJoined) {
  Send(Bucket("m", ""));
  for (const char* path : {"3", "4", "374", "3"}) Send(Bucket("m", path));
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  Answer({{.hash = 0, .children = {{.digit = '3', .hash = 5}}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(), "SYNC_RESP_BUCKETS");
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  EXPECT_EQ(Paths(), (std::vector<std::string>{"3", "4", "374"}));
  Answer({{.hash = 0, .children = {}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(),
            "SYNC_RESP_BUCKETS SYNC_RESP_BUCKETS SYNC_RESP_LEAF SYNC_RESP_BUCKETS");
}

TEST_F(MapSyncTest, ABurstIsOneRead) {
  SendBurst({Bucket("m", "3"), Bucket("m", "4"), Bucket("m", "5")});
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  EXPECT_EQ(Paths(), (std::vector<std::string>{"3", "4", "5"}));
  Answer({{.hash = 0, .children = {}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(), "SYNC_RESP_BUCKETS SYNC_RESP_BUCKETS SYNC_RESP_BUCKETS");
}

TEST_F(MapSyncTest, ABurstThatGoesOnIsWaitedForUpToALimit) {
  size_t sent = 0;
  // One frame in every turn of the loop: the read starts all the same.
  while (gateway_.trees.reads.empty() && sent < 1'000) {
    handler_->OnMessage(Bucket("m", std::string(1, "0123456789abcdef"[sent % 16])), true);
    ++sent;
    gateway_.turns.RunOne();
  }
  EXPECT_EQ(gateway_.trees.reads.size(), 1U);
  EXPECT_GT(sent, 16U);
  gateway_.turns.Run();
}

TEST_F(MapSyncTest, LeavesCarryTombstones) {
  const std::string live = Cell("\x01");
  const std::string dead = Cell({}, true);
  Send(Bucket("m", "374"));
  Answer(
      {{.hash = 0,
        .children = {},
        .cells = {{.key = "a", .tag = {}, .cell = live}, {.key = "b", .tag = {}, .cell = dead}}}});
  const wire::SyncLeafFrame& leaf = Reply().sync_leaf;
  ASSERT_EQ(leaf.records.size(), 2U);
  EXPECT_EQ(leaf.records[0].record.value, "\x01");
  EXPECT_EQ(leaf.records[1].record.value, "");
  EXPECT_EQ(leaf.path, "374");
}

TEST_F(MapSyncTest, AClientFromBeforeTheHorizonStartsAnew) {
  const auto answered = [this](const std::string& frame, int64_t horizon_ms) {
    Send(frame);
    Answer({{.hash = 7, .children = {}, .cells = {}}}, horizon_ms);
    return Reply();
  };
  EXPECT_EQ(answered(SyncInit("m", 100'000), 200'000).type, wire::FrameType::kSyncResetRequired);
  EXPECT_EQ(answered(SyncInit("m", 300'000), 200'000).type, wire::FrameType::kSyncRespRoot);
  EXPECT_EQ(answered(SyncInit("m", 0), 200'000).type, wire::FrameType::kSyncRespRoot);
  EXPECT_EQ(answered(SyncInit("m", 1'000), 0).type, wire::FrameType::kSyncRespRoot)
      << "nothing was ever pruned";
  EXPECT_EQ(answered(OrSyncInit("m", {}, 100'000), 200'000).sync_root.full_resync, true);
  EXPECT_FALSE(answered(OrSyncInit("m", {}, 300'000), 200'000).sync_root.full_resync);
}

TEST_F(MapSyncTest, RootsCarryTheTimeUpToWhichTheyAreComplete) {
  Send(SyncInit("m"));
  const int64_t asked_ms = gateway_.clock.NowMs();
  gateway_.clock.Advance(10'000);
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  EXPECT_EQ(Reply().sync_root.timestamp.millis, asked_ms);
}

TEST_F(MapSyncTest, WhatIsPrunedDuringAWalkMakesTheClientStartAnew) {
  Send(SyncInit("m", 300'000));
  Answer({{.hash = 7, .children = {}, .cells = {}}}, 200'000);
  EXPECT_EQ(session_.TakeTypes(), "SYNC_RESP_ROOT");
  for (const char* path : {"", "3"}) {
    Send(Bucket("m", path));
    Answer({{.hash = 7, .children = {}, .cells = {}}}, 400'000);
    EXPECT_EQ(session_.TakeTypes(), "SYNC_RESP_BUCKETS");
    if (gateway_.trees.reads.empty()) continue;
    Answer({{.hash = 7, .children = {}, .cells = {}}}, 400'000);
    EXPECT_EQ(session_.TakeTypes(), "SYNC_RESET_REQUIRED") << "once";
    EXPECT_EQ(std::string_view(path), "");
  }
}

TEST_F(MapSyncTest, AWalkLongAfterTheInitDoesNotStartAnew) {
  Send(SyncInit("m", 300'000));
  Answer({{.hash = 7, .children = {}, .cells = {}}}, 200'000);
  gateway_.clock.Advance(MapSyncOptions().walk_ms + 1);
  Send(Bucket("m", ""));
  Answer({{.hash = 7, .children = {}, .cells = {}}}, 400'000);
  EXPECT_TRUE(gateway_.trees.reads.empty());
}

TEST_F(MapSyncTest, AClientWithRefusedWritesDoesNotDropThem) {
  gateway_.sink.overloaded = true;
  wire::Op op;
  op.kind = wire::OpKind::kOrAdd;
  op.map = "m";
  op.key = "k";
  op.tag = "t";
  op.value = "\x01";
  op.id = "1";
  op.has_id = true;
  op.has_timestamp = true;
  op.timestamp = {1'000, 0, "client"};
  std::string frame;
  wire::EncodeClientOp(op, frame);
  Send(frame);
  EXPECT_EQ(session_.TakeTypes(), "ERROR");
  Send(OrSyncInit("m", {}, 100'000));
  Answer({{.hash = 7, .children = {}, .cells = {}}}, 200'000);
  EXPECT_EQ(session_.TakeTypes(), "ERROR");

  gateway_.sink.overloaded = false;
  Send(frame);
  gateway_.sink.Answer(gateway_.written);
  session_.frames.clear();
  Send(OrSyncInit("m", {}, 100'000));
  Answer({{.hash = 7, .children = {}, .cells = {}}}, 200'000);
  const wire::SyncRootFrame& root = Reply().sync_root;
  EXPECT_EQ(root.full_resync, true);
  // Only what was decided on is older than that.
  EXPECT_LT(root.timestamp.millis, gateway_.clock.NowMs());
}

TEST_F(MapSyncTest, WhatOnlyTheClientMayHaveIsListedAsEmpty) {
  Send(OrSyncInit("m", {{.digit = "f", .hash = 9}, {.digit = "2", .hash = 0}}));
  Answer({{.hash = 0, .children = {}, .cells = {}}});
  session_.frames.clear();
  const auto listed = [this](std::string_view path, std::vector<TreeAnswer::Child> children) {
    Send(OrBucket("m", path));
    Answer({{.hash = 0, .children = std::move(children), .cells = {}}});
    std::string digits;
    for (const wire::BucketHash& bucket : Reply().sync_buckets.buckets) digits += bucket.digit;
    return digits;
  };
  EXPECT_EQ(listed("", {}), "f");
  EXPECT_EQ(listed("f", {}), "0123456789abcdef");
  EXPECT_EQ(listed("2", {}), "");
  EXPECT_EQ(listed("f4", {}), "");
  EXPECT_EQ(listed("", {{.digit = '3', .hash = 5}}), "3f");
  EXPECT_EQ(listed("", {{.digit = 'f', .hash = 5}}), "f");
  EXPECT_EQ(listed("f", {{.digit = '3', .hash = 5}}), "3");
  EXPECT_EQ(listed("2", {{.digit = '3', .hash = 5}}), "3");
}

TEST_F(MapSyncTest, RepliesWaitForOwnWrites) {
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = "m";
  op.key = "k";
  op.value = "\x01";
  op.has_timestamp = true;
  op.timestamp = {1'000, 0, "client"};
  std::string frame;
  wire::EncodeClientOp(op, frame);
  Send(frame);
  Send(SyncInit("m"));
  EXPECT_TRUE(gateway_.trees.reads.empty());
  gateway_.sink.Answer(gateway_.written);
  gateway_.turns.Run();
  EXPECT_EQ(gateway_.trees.reads.size(), 1U);
  Answer({{.hash = 1, .children = {}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(), "OP_ACK SYNC_RESP_ROOT");
}

TEST_F(MapSyncTest, AGapSendsTheRootToWhoeverSyncedTheMap) {
  Send(SyncInit("m"));
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  session_.frames.clear();
  for (uint32_t shard = 0; shard < 4; ++shard) gateway_.fan_out.OnGap(shard);
  gateway_.Tick(milliseconds(1'000));
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  Answer({{.hash = 8, .children = {}, .cells = {}}});
  EXPECT_EQ(Reply().sync_root.root_hash, 8U);
  gateway_.Tick(milliseconds(1'000));
  EXPECT_TRUE(gateway_.trees.reads.empty());
}

// What was committed after the walk and before the snapshot is in the rows only: the walk missed
// it, and no event brings it.
TEST_F(MapSyncTest, ASnapshotAfterTheRootIsFollowedByAnotherRoot) {
  Send(QuerySub("m"));
  Send(SyncInit("m"));
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(), "SYNC_RESP_ROOT");
  gateway_.reader.Answer({{"k", "\x02"}}, {{1, 5}, {1, 5}});
  EXPECT_EQ(session_.TakeTypes(), "QUERY_RESP");
  gateway_.turns.Run();
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  EXPECT_EQ(gateway_.trees.reads.front().first.kind, CellKind::kLww);
  Answer({{.hash = 8, .children = {}, .cells = {}}});
  EXPECT_EQ(Reply().sync_root.root_hash, 8U);

  Send(SyncInit("m"));
  Answer({{.hash = 8, .children = {}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(), "SYNC_RESP_ROOT");
  EXPECT_TRUE(gateway_.trees.reads.empty()) << "changes come as events by now";
  Send(QuerySub(
      "m"));  // the stock client repeats it after each AUTH_ACK: no events until it is settled
  gateway_.reader.Answer({}, {{1, 6}, {1, 6}});
  gateway_.turns.Run();
  EXPECT_EQ(gateway_.trees.reads.size(), 1U);
}

TEST_F(MapSyncTest, ASnapshotWithoutASyncIsFollowedByNoRoot) {
  Send(QuerySub("m"));
  gateway_.reader.Answer({{"k", "\x02"}}, {{1, 5}, {1, 5}});
  gateway_.turns.Run();
  EXPECT_TRUE(gateway_.trees.reads.empty());
}

TEST_F(MapSyncTest, AGapSendsRootsThatAreNotEmptyToWhoeverSubscribesTheMap) {
  Send(QuerySub("m"));
  gateway_.reader.Answer({}, {{1, 5}});
  session_.frames.clear();
  gateway_.fan_out.OnGap(0);
  gateway_.Tick(milliseconds(1'000));
  // It may hold the map as either kind, or as none.
  ASSERT_EQ(gateway_.trees.reads.size(), 2U);
  EXPECT_EQ(gateway_.trees.reads[0].first.kind, CellKind::kLww);
  EXPECT_EQ(gateway_.trees.reads[1].first.kind, CellKind::kOr);
  Answer({{.hash = 8, .children = {}, .cells = {}}});
  Answer({{.hash = 0, .children = {}, .cells = {}}});
  const wire::ServerFrame& reply = Reply();
  EXPECT_EQ(reply.type, wire::FrameType::kSyncRespRoot);
  EXPECT_EQ(reply.sync_root.root_hash, 8U);
}

TEST_F(MapSyncTest, SubscribersThatHaveGoneAreNotHealed) {
  {
    FakeSession other;
    SessionHandler& handler = gateway_.table.OnOpen(other);
    handler.OnMessage(QuerySub("m"), true);
    gateway_.fan_out.OnGap(0);
    handler.OnClosed(CloseCause::kPeer);
  }
  gateway_.Tick(milliseconds(1'000));
  EXPECT_TRUE(gateway_.trees.reads.empty());
}

TEST_F(MapSyncTest, AHealThatCannotBeReadIsTriedAgain) {
  Send(SyncInit("m"));
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  session_.frames.clear();
  gateway_.fan_out.OnGap(0);
  gateway_.Tick(milliseconds(1'000));
  const auto failed = std::move(gateway_.trees.reads.front().second);
  gateway_.trees.reads.pop_front();
  failed(Unavailable("no sync replica is up"));
  gateway_.Tick();
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  Answer({{.hash = 8, .children = {}, .cells = {}}});
  EXPECT_EQ(Reply().sync_root.root_hash, 8U);
}

TEST_F(MapSyncTest, SocketsWithTooManyRequestsAreNotRead) {
  for (size_t i = 0; i < MapSyncOptions().requests_max; ++i) Send(Bucket("m", "0"));
  EXPECT_TRUE(session_.paused);
  while (!gateway_.trees.reads.empty()) Answer({{.hash = 0, .children = {}, .cells = {}}});
  EXPECT_FALSE(session_.paused);
}

TEST_F(MapSyncTest, AnswersForAConnectionThatHasGoneAreDropped) {
  FakeSession other;
  SessionHandler& handler = gateway_.table.OnOpen(other);
  handler.OnMessage(SyncInit("m"), true);
  gateway_.turns.Run();
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  handler.OnClosed(CloseCause::kPeer);
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  EXPECT_TRUE(other.frames.empty());
}

}  // namespace
}  // namespace topgun::gateway
