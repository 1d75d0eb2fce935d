// What clients in cluster mode are told (core.md 8): the map that follows from the rows of the
// gateways, URLs in the client's own form, and who is sent which version.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dispatch/cluster_map.h"
#include "dispatch/partition_map.h"
#include "gateway_fakes.h"
#include "msgpack/reader.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

ClusterNode Node(std::string id, uint16_t port, int64_t joined_ms = kNow) {
  return {
      .id = std::move(id), .host = "127.0.0.1", .port = port, .url = {}, .joined_ms = joined_ms};
}

// Rows with the bytes that they point into.
class Rows {
 public:
  void Live(const ClusterNode& node, int64_t stamped_ms) {
    Add(node.id, EncodeNodeRow(node), stamped_ms, kNodeTtlMs);
  }
  void Removed(const std::string& id, int64_t stamped_ms) { Add(id, "", stamped_ms, {}); }
  void Add(const std::string& id, std::string value, int64_t stamped_ms,
           std::optional<double> ttl_ms) {
    kept_.push_back(std::make_unique<Kept>(Kept{id, std::move(value)}));
    rows_.push_back({kept_.back()->id, kept_.back()->value, stamped_ms, ttl_ms});
  }
  const std::vector<NodeRow>& get() const { return rows_; }

 private:
  struct Kept {
    std::string id;
    std::string value;
  };
  std::vector<std::unique_ptr<Kept>> kept_;
  std::vector<NodeRow> rows_;
};

std::vector<std::string> IdsOf(const ClusterMap& map) {
  std::vector<std::string> ids;
  for (const ClusterNode& node : map.nodes) ids.push_back(node.id);
  return ids;
}

using Ids = std::vector<std::string>;

TEST(ClusterMap, ARowIsReadAsItWasWritten) {
  ClusterNode node = Node("node-0", 11001, kNow);
  EXPECT_EQ(DecodeNodeRow("node-0", EncodeNodeRow(node)), node);
  node.url = "wss://topgun.example/ws";
  EXPECT_EQ(DecodeNodeRow("node-0", EncodeNodeRow(node)), node);
}

TEST(ClusterMap, ValuesThatAreNoRowsAreNothing) {
  EXPECT_EQ(DecodeNodeRow("node-0", ""), std::nullopt);
  EXPECT_EQ(DecodeNodeRow("node-0", "\x01"), std::nullopt);
  EXPECT_EQ(DecodeNodeRow("node-0", "\x80"), std::nullopt);  // an empty map
  const std::string row = EncodeNodeRow(Node("node-0", 11001));
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(DecodeNodeRow("node-0", row.substr(0, size)), std::nullopt) << size;
  }
}

TEST(ClusterMap, HoldsTheLiveNodesByIdWithTheLatestJoinAsVersion) {
  Rows rows;
  rows.Live(Node("node-1", 11002, kNow - 100), kNow);
  rows.Live(Node("node-0", 11001, kNow - 200), kNow);
  const ClusterMap map = MakeClusterMap(rows.get(), kNow);
  EXPECT_EQ(IdsOf(map), (Ids{"node-0", "node-1"}));
  EXPECT_EQ(map.version, kNow - 100);
}

TEST(ClusterMap, ARemovalRaisesTheVersion) {
  Rows rows;
  rows.Live(Node("node-0", 11001, kNow - 500), kNow);
  rows.Removed("node-1", kNow - 50);
  const ClusterMap map = MakeClusterMap(rows.get(), kNow);
  EXPECT_EQ(IdsOf(map), Ids{"node-0"});
  EXPECT_EQ(map.version, kNow - 50);
}

TEST(ClusterMap, ANodeThatFallsSilentExpires) {
  Rows rows;
  rows.Live(Node("node-0", 11001, kNow), kNow + kNodeTtlMs);
  rows.Live(Node("node-1", 11002, kNow), kNow);
  EXPECT_EQ(IdsOf(MakeClusterMap(rows.get(), kNow + kNodeTtlMs - 1)), (Ids{"node-0", "node-1"}));
  const ClusterMap map = MakeClusterMap(rows.get(), kNow + kNodeTtlMs);
  EXPECT_EQ(IdsOf(map), Ids{"node-0"});
  EXPECT_EQ(map.version, kNow + kNodeTtlMs);
}

TEST(ClusterMap, IsTheSameWhateverTheOrderOfTheRows) {
  Rows forth;
  forth.Live(Node("node-0", 11001), kNow);
  forth.Removed("node-1", kNow - 1);
  forth.Live(Node("node-2", 11003), kNow);
  Rows back;
  back.Live(Node("node-2", 11003), kNow);
  back.Removed("node-1", kNow - 1);
  back.Live(Node("node-0", 11001), kNow);
  EXPECT_EQ(MakeClusterMap(forth.get(), kNow), MakeClusterMap(back.get(), kNow));
}

TEST(PartitionMap, TheUrlIsTheOneTheClientUsed) {
  EXPECT_EQ(UrlOf({.host = "localhost:8080", .target = "/ws"}), "ws://localhost:8080/ws");
  EXPECT_EQ(UrlOf({.host = "127.0.0.1:8080", .target = "/"}), "ws://127.0.0.1:8080");
  EXPECT_EQ(UrlOf({.host = "topgun.example", .target = "/ws?a=1", .secure = true}),
            "wss://topgun.example/ws?a=1");
}

TEST(PartitionMap, NodesOfTheSameMachineAreNamedAsTheClientNamesIt) {
  const ClusterNode self = Node("node-0", 11001);
  const ClusterNode other = Node("node-1", 11002);
  EXPECT_EQ(UrlFor(other, self, {.host = "localhost:11001", .target = "/ws"}),
            "ws://localhost:11002/ws");
  EXPECT_EQ(UrlFor(other, self, {.host = "[::1]:11001", .target = "/"}), "ws://[::1]:11002");
}

TEST(PartitionMap, NodesOfOtherMachinesKeepTheirHost) {
  ClusterNode other = Node("node-1", 11002);
  other.host = "10.0.0.2";
  const ClusterNode self = Node("node-0", 11001);
  EXPECT_EQ(UrlFor(other, self, {.host = "localhost:11001", .target = "/ws"}),
            "ws://10.0.0.2:11002/ws");
  other.host = "fd00::2";
  EXPECT_EQ(UrlFor(other, self, {.host = "localhost:11001", .target = "/"}),
            "ws://[fd00::2]:11002");
}

TEST(PartitionMap, AnAdvertisedUrlWins) {
  ClusterNode self = Node("node-0", 11001);
  self.url = "wss://topgun.example/sync";
  EXPECT_EQ(UrlFor(self, self, {.host = "localhost:11001", .target = "/ws"}),
            "wss://topgun.example/sync");
}

TEST(PartitionMap, WithoutAHostHeaderTheAdvertisedAddressCounts) {
  const ClusterNode self = Node("node-0", 11001);
  EXPECT_EQ(UrlFor(self, self, {.host = "", .target = "/ws"}), "ws://127.0.0.1:11001/ws");
}

TEST(PartitionMap, EveryPartitionHasItsOwnerAndTheNextNodeAsBackup) {
  const ClusterMap map{.version = 7, .nodes = {Node("a", 1), Node("b", 2), Node("c", 3)}};
  std::string bytes;
  EncodePartitionMapFor({.host = "h:1", .target = "/"}, map, map.nodes[0], kNow, bytes);
  wire::ServerFrame frame;
  ASSERT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
  const auto& partitions = frame.partition_map.partitions;
  ASSERT_EQ(partitions.size(), 271U);
  for (size_t i = 0; i < partitions.size(); ++i) {
    EXPECT_EQ(partitions[i].id, i);
    EXPECT_EQ(partitions[i].owner, map.nodes[i % 3].id);
    EXPECT_EQ(partitions[i].backups, (std::vector<std::string_view>{map.nodes[(i + 1) % 3].id}));
  }
}

class ClusterViewTest : public ::testing::Test {
 protected:
  ClusterViewTest() : view_({.self = Node("node-0", 11001), .membership = true}, clock_) {}

  // Rows of node-0 and node-1, last renewed at these times.
  bool Update(int64_t self_stamped_ms, int64_t other_stamped_ms) {
    Rows rows;
    rows.Live(Node("node-0", 11001, kNow), self_stamped_ms);
    rows.Live(Node("node-1", 11002, kNow), other_stamped_ms);
    return view_.Update(rows.get());
  }
  // At that time from now on.
  void At(int64_t ms) { clock_.Set(ms); }

  support::ManualClock clock_{kNow};
  ClusterView view_;
};

TEST_F(ClusterViewTest, KnowsNothingBeforeItsOwnRow) {
  Rows rows;
  rows.Live(Node("node-1", 11002), kNow);
  EXPECT_FALSE(view_.Update(rows.get()));
  EXPECT_EQ(view_.map().version, 0);
  EXPECT_TRUE(Update(kNow, kNow));
  EXPECT_EQ(IdsOf(view_.map()), (Ids{"node-0", "node-1"}));
}

TEST_F(ClusterViewTest, RenewalsChangeNothing) {
  Update(kNow, kNow);
  EXPECT_FALSE(Update(kNow + 1'500, kNow + 1'500));
  EXPECT_EQ(view_.map().version, kNow);
}

TEST_F(ClusterViewTest, AVersionNeverReturnsWithOtherNodes) {
  Update(kNow, kNow);
  At(kNow + kNodeTtlMs);
  EXPECT_TRUE(Update(clock_.NowMs(), kNow));
  const int64_t without = view_.map().version;
  EXPECT_EQ(without, kNow + kNodeTtlMs);
  // The renewal was only late: the row of before lives again.
  EXPECT_TRUE(Update(clock_.NowMs(), clock_.NowMs()));
  EXPECT_GT(view_.map().version, without);
  EXPECT_EQ(IdsOf(view_.map()), (Ids{"node-0", "node-1"}));
}

TEST_F(ClusterViewTest, CutOffItKeepsWhatItKnows) {
  Update(kNow, kNow);
  At(kNow + 2 * kNodeTtlMs);
  EXPECT_FALSE(Update(kNow, kNow));  // all rows have expired, its own too
  EXPECT_EQ(IdsOf(view_.map()), (Ids{"node-0", "node-1"}));
  // Back, and the other row not yet: it gets the lifetime of a row to come back.
  EXPECT_FALSE(Update(clock_.NowMs(), kNow));
  EXPECT_EQ(IdsOf(view_.map()), (Ids{"node-0", "node-1"}));
  At(clock_.NowMs() + kNodeTtlMs);
  EXPECT_TRUE(Update(clock_.NowMs(), kNow));
  EXPECT_EQ(IdsOf(view_.map()), Ids{"node-0"});
}

TEST_F(ClusterViewTest, KeepsALimitedNumberOfFrames) {
  Update(kNow, kNow);
  const UpgradeRequest first{.host = "host:1", .target = "/ws"};
  const SharedBytes frame = view_.FrameFor(first);
  EXPECT_EQ(view_.FrameFor(first), frame);  // made once
  for (size_t i = 0; i < ClusterView::kFramesMax; ++i) {
    view_.FrameFor({.host = "other:" + std::to_string(i), .target = "/ws"});
  }
  EXPECT_NE(view_.FrameFor(first), frame);
  EXPECT_EQ(*view_.FrameFor(first), *frame);
}

std::string Request(std::optional<int64_t> version) {
  std::string frame;
  wire::EncodePartitionMapRequest({.current_version = version}, frame);
  return frame;
}

std::string Ping() {
  std::string frame;
  wire::EncodePing({.timestamp = 42}, frame);
  return frame;
}

class SingleNodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    session_.upgrade = {.host = "localhost:8080", .target = "/ws"};
    handler_ = &gateway_.table.OnOpen(session_);
  }
  void TearDown() override { handler_->OnClosed(CloseCause::kPeer); }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler* handler_ = nullptr;
};

TEST_F(SingleNodeTest, OneNodeAtTheUrlOfTheClientOwnsEverything) {
  handler_->OnMessage(Request({}), true);
  ASSERT_EQ(session_.frames.size(), 1U);
  wire::ServerFrame frame;
  ASSERT_TRUE(wire::DecodeServerFrame(session_.frames[0], frame).ok());
  const wire::PartitionMapFrame& map = frame.partition_map;
  EXPECT_EQ(map.version, 1);
  EXPECT_EQ(map.partition_count, 271U);
  ASSERT_EQ(map.nodes.size(), 1U);
  EXPECT_EQ(map.nodes[0].websocket, "ws://localhost:8080/ws");
  EXPECT_EQ(map.nodes[0].status, "ACTIVE");
  ASSERT_EQ(map.partitions.size(), 271U);
  for (const wire::Partition& partition : map.partitions) {
    EXPECT_EQ(partition.owner, map.nodes[0].node_id);
    EXPECT_TRUE(partition.backups.empty());
  }
}

TEST_F(SingleNodeTest, AClientThatHasTheMapIsNotAnswered) {
  handler_->OnMessage(Request(1), true);
  EXPECT_TRUE(session_.frames.empty());
  handler_->OnMessage(Request(0), true);
  EXPECT_EQ(session_.TakeTypes(), "PARTITION_MAP");
}

TEST_F(SingleNodeTest, OnlyAfterTheRequestEveryPongComesTwice) {
  handler_->OnMessage(Ping(), true);
  EXPECT_EQ(session_.TakeTypes(), "PONG");
  handler_->OnMessage(Request(1), true);
  handler_->OnMessage(Ping(), true);
  ASSERT_EQ(session_.frames.size(), 2U);
  std::string_view inner;
  ASSERT_TRUE(msgpack::Reader(session_.frames[1]).ReadBin(&inner));
  wire::ServerFrame frame;
  ASSERT_TRUE(wire::DecodeServerFrame(inner, frame).ok());
  EXPECT_EQ(frame.type, wire::FrameType::kPong);
  EXPECT_EQ(frame.pong.timestamp, 42);
}

class MembershipDispatchTest : public ::testing::Test {
 protected:
  // Announces one more node than before.
  void Join() {
    nodes_.push_back(Node("node-" + std::to_string(nodes_.size()), 11001, kNow + ++joins_));
    Rows rows;
    for (const ClusterNode& node : nodes_) rows.Live(node, kNow + joins_);
    ASSERT_TRUE(gateway_.cluster.Update(rows.get()));
  }

  std::vector<ClusterNode> nodes_;
  int64_t joins_ = 0;
  DispatchHarness gateway_{false, {}, {}, {.self = Node("node-0", 11001), .membership = true}};
};

TEST_F(MembershipDispatchTest, ARequestBeforeTheMapIsKnownIsAnsweredWhenItIs) {
  FakeSession session;
  SessionHandler& handler = gateway_.table.OnOpen(session);
  handler.OnMessage(Request({}), true);
  gateway_.Tick();
  EXPECT_EQ(session.TakeTypes(), "");
  Join();
  gateway_.Tick();
  gateway_.Tick();
  EXPECT_EQ(session.TakeTypes(), "PARTITION_MAP");
  handler.OnClosed(CloseCause::kPeer);
}

TEST_F(MembershipDispatchTest, EveryChangeReachesEveryConnectionOnceAndPaced) {
  constexpr size_t kConnections = 1'200;  // more than one tick tells
  std::vector<FakeSession> sessions(kConnections);
  std::vector<SessionHandler*> handlers;
  for (FakeSession& session : sessions) handlers.push_back(&gateway_.table.OnOpen(session));
  const auto told = [&] {
    size_t count = 0;
    for (const FakeSession& session : sessions) count += session.frames.size();
    return count;
  };
  Join();
  gateway_.Tick();
  EXPECT_GT(told(), 0U);
  EXPECT_LT(told(), kConnections);
  Join();  // before all have heard of the first
  for (int i = 0; i < 10; ++i) gateway_.Tick();
  for (FakeSession& session : sessions) {
    ASSERT_GE(session.frames.size(), 1U);
    ASSERT_LE(session.frames.size(), 2U);
    wire::ServerFrame frame;
    ASSERT_TRUE(wire::DecodeServerFrame(session.frames.back(), frame).ok());
    EXPECT_EQ(frame.partition_map.nodes.size(), 2U);
  }
  for (SessionHandler* const handler : handlers) handler->OnClosed(CloseCause::kPeer);
}

}  // namespace
}  // namespace topgun::gateway
