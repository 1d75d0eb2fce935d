// Merkle sync between a fake socket and fake trees (core.md 7.5, 7.6).
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "crdt/merkle_tree.h"
#include "gateway_fakes.h"
#include "state/cell.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using state::CellKind;
using std::chrono::milliseconds;

std::string SyncInit(std::string_view map, std::optional<int64_t> last = 0) {
  std::string frame;
  wire::EncodeSyncInit({.map = map, .last_sync_timestamp = last}, frame);
  return frame;
}

std::string OrSyncInit(std::string_view map, std::vector<wire::BucketHash> buckets = {},
                       std::optional<int64_t> last = 0) {
  wire::OrMapSyncInitFrame init;
  init.map = map;
  init.bucket_hashes = std::move(buckets);
  init.last_sync_timestamp = last;
  std::string frame;
  wire::EncodeOrMapSyncInit(init, frame);
  return frame;
}

std::string Bucket(std::string_view map, std::string_view path) {
  std::string frame;
  wire::EncodeMerkleReqBucket({.map = map, .path = path}, frame);
  return frame;
}

std::string OrBucket(std::string_view map, std::string_view path) {
  std::string frame;
  wire::EncodeOrMapMerkleReqBucket({.map = map, .path = path}, frame);
  return frame;
}

std::string Cell(std::string_view value, bool tombstone = false) {
  state::CellView cell;
  cell.timestamp = {1'000, 0, "client"};
  cell.tombstone = tombstone;
  cell.value = value;
  return state::EncodeCell(cell);
}

class MapSyncTest : public ::testing::Test {
 protected:
  MapSyncTest() : handler_(&gateway_.table.OnOpen(session_)) {}
  ~MapSyncTest() override { handler_->OnClosed(CloseCause::kPeer); }

  void Send(const std::string& frame) { handler_->OnMessage(frame, true); }
  // Answers the oldest read; every path gets the same node unless `nodes` has one for each.
  void Answer(std::vector<TreeAnswer::Node> nodes, int64_t horizon_ms = 0) {
    auto [request, done] = std::move(gateway_.trees.reads.front());
    gateway_.trees.reads.pop_front();
    auto answer = std::make_shared<TreeAnswer>();
    nodes.resize(request.paths.size(), nodes.front());
    answer->nodes = std::move(nodes);
    answer->horizon_ms = horizon_ms;
    done(std::shared_ptr<const TreeAnswer>(std::move(answer)));
  }
  // The only frame since the last call.
  const wire::ServerFrame& Reply() {
    EXPECT_EQ(session_.frames.size(), 1U);
    if (session_.frames.empty()) return decoded_;
    bytes_ = session_.frames.back();
    session_.frames.clear();
    EXPECT_TRUE(wire::DecodeServerFrame(bytes_, decoded_).ok());
    return decoded_;
  }
  const std::vector<std::string>& Paths() { return gateway_.trees.reads.front().first.paths; }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler* handler_;
  std::string bytes_;
  wire::ServerFrame decoded_;
};

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
  EXPECT_EQ(answered(OrSyncInit("m", {}, 100'000), 200'000).sync_root.full_resync, true);
  EXPECT_FALSE(answered(OrSyncInit("m", {}, 300'000), 200'000).sync_root.full_resync);
}

TEST_F(MapSyncTest, ZerosAreListedOnlyWhereTheServerHasNothing) {
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
  EXPECT_EQ(listed("", {{.digit = '3', .hash = 5}}), "3");
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
  handler.OnClosed(CloseCause::kPeer);
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  EXPECT_TRUE(other.frames.empty());
}

class OrPushTest : public MapSyncTest {
 protected:
  void Push(wire::OrEntries entries) {
    wire::OrMapPushDiffFrame push;
    push.map = "m";
    push.entries = std::move(entries);
    std::string frame;
    wire::EncodeOrMapPushDiff(push, frame);
    Send(frame);
  }
};

TEST_F(OrPushTest, RecordsAreAddedAndEveryTombstoneGoesWhereItsTagLives) {
  wire::OrEntries entries;
  entries.AddKey("a");
  entries.AddRecord({.value = "\x01", .timestamp = {5, 0, "c"}, .tag = "t1"});
  entries.AddRecord({.value = "\x02", .timestamp = {6, 0, "c"}, .tag = "dead"});
  for (const char* tag : {"dead", "elsewhere", "unknown"}) entries.AddTombstone(tag);
  entries.AddKey("b");
  for (const char* tag : {"dead", "elsewhere", "unknown"}) entries.AddTombstone(tag);
  Push(std::move(entries));
  ASSERT_EQ(gateway_.sink.submitted.size(), 1U);
  EXPECT_EQ(gateway_.sink.submitted[0].key, "a");
  EXPECT_FALSE(gateway_.sink.submitted[0].origin.empty());
  gateway_.sink.submitted.clear();

  ASSERT_EQ(gateway_.trees.resolves.size(), 1U);
  auto& [tags, done] = gateway_.trees.resolves.front();
  EXPECT_EQ(tags, (std::vector<std::string>{"dead", "elsewhere", "unknown"}));
  done(std::vector<ResolvedTag>{{.state = TagState::kDead, .key = "a"},
                                {.state = TagState::kLive, .key = "z"},
                                {.state = TagState::kUnknown, .key = {}}});
  ASSERT_EQ(gateway_.sink.submitted.size(), 2U);
  EXPECT_EQ(gateway_.sink.submitted[0].key, "z");
  EXPECT_EQ(gateway_.sink.submitted[1].key, "a");
  EXPECT_TRUE(session_.frames.empty());
}

TEST_F(OrPushTest, SocketsWithTooManyPushesAreNotRead) {
  for (size_t i = 0; i < OrPush::kPushesMax; ++i) {
    wire::OrEntries entries;
    entries.AddKey("a");
    const std::string tag = "t" + std::to_string(i);
    entries.AddRecord({.value = "\x01", .timestamp = {5, 0, "c"}, .tag = tag});
    Push(std::move(entries));
  }
  EXPECT_TRUE(session_.paused);
  gateway_.sink.Answer(gateway_.written);
  gateway_.turns.Run();
  EXPECT_FALSE(session_.paused);
}

TEST_F(OrPushTest, ReadsWaitUntilThePushIsMerged) {
  wire::OrEntries entries;
  entries.AddKey("a");
  entries.AddRecord({.value = "\x01", .timestamp = {5, 0, "c"}, .tag = "t1"});
  Push(std::move(entries));
  Send(OrSyncInit("m"));
  EXPECT_TRUE(gateway_.trees.reads.empty());
  gateway_.sink.Answer(gateway_.written);
  gateway_.turns.Run();
  EXPECT_EQ(gateway_.trees.reads.size(), 1U);
}

}  // namespace
}  // namespace topgun::gateway
