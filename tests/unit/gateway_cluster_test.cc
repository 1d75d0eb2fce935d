// What clients in cluster mode are told (core.md 8): the map that follows from the rows of the
// gateways, URLs in the client's own form, and who is sent which version.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dispatch/cluster_map.h"
#include "dispatch/partition_map.h"
#include "gateway_fakes.h"
#include "msgpack/reader.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

constexpr int64_t kClusterNow = 1'700'000'000'000;

ClusterNode Node(std::string id, uint16_t port, int64_t joined_ms = kClusterNow) {
  return {
      .id = std::move(id), .host = "127.0.0.1", .port = port, .url = {}, .joined_ms = joined_ms};
}

NodeRow Live(ClusterNode node) { return {.node = std::move(node)}; }

NodeRow Gone(ClusterNode node, Departure departure, int64_t departed_ms) {
  return {.node = std::move(node), .departure = departure, .departed_ms = departed_ms};
}

std::vector<std::string> IdsOf(const ClusterMap& map) {
  std::vector<std::string> ids;
  for (const ClusterNode& node : map.nodes) ids.push_back(node.id);
  return ids;
}

using Ids = std::vector<std::string>;

TEST(ClusterMap, ARowIsReadAsItWasWritten) {
  NodeRow row = Live(Node("node-0", 11001, kClusterNow));
  row.report = {.beat_ms = kClusterNow + 1,
                .started_ms = kClusterNow - 1,
                .connections = 7,
                .memory_bytes = 1 << 20};
  EXPECT_EQ(DecodeNodeRow("node-0", EncodeNodeRow(row)), row);
  row.node.url = "wss://topgun.example/ws";
  for (const Departure departure : {Departure::kLeft, Departure::kDead}) {
    row.departure = departure;
    row.departed_ms = kClusterNow + 5;
    EXPECT_EQ(DecodeNodeRow("node-0", EncodeNodeRow(row)), row);
  }
}

TEST(ClusterMap, ValuesThatAreNoRowsAreNothing) {
  EXPECT_EQ(DecodeNodeRow("node-0", ""), std::nullopt);
  EXPECT_EQ(DecodeNodeRow("node-0", "\x01"), std::nullopt);
  EXPECT_EQ(DecodeNodeRow("node-0", "\x80"), std::nullopt);  // an empty map
  const std::string row = EncodeNodeRow(Live(Node("node-0", 11001)));
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(DecodeNodeRow("node-0", row.substr(0, size)), std::nullopt) << size;
  }
}

TEST(ClusterMap, HoldsTheLiveNodesByIdWithTheLatestJoinAsVersion) {
  const std::vector<NodeRow> rows = {Live(Node("node-1", 11002, kClusterNow - 100)),
                                     Live(Node("node-0", 11001, kClusterNow - 200))};
  const ClusterMap map = MakeClusterMap(rows);
  EXPECT_EQ(IdsOf(map), (Ids{"node-0", "node-1"}));
  EXPECT_EQ(map.version, kClusterNow - 100);
}

TEST(ClusterMap, ADepartureRaisesTheVersion) {
  for (const Departure departure : {Departure::kLeft, Departure::kDead}) {
    const std::vector<NodeRow> rows = {
        Live(Node("node-0", 11001, kClusterNow - 500)),
        Gone(Node("node-1", 11002, kClusterNow - 400), departure, kClusterNow - 50)};
    const ClusterMap map = MakeClusterMap(rows);
    EXPECT_EQ(IdsOf(map), Ids{"node-0"});
    EXPECT_EQ(map.version, kClusterNow - 50);
  }
}

TEST(ClusterMap, IsTheSameWhateverTheOrderOfTheRows) {
  std::vector<NodeRow> rows = {Live(Node("node-0", 11001)),
                               Gone(Node("node-1", 11002), Departure::kLeft, kClusterNow - 1),
                               Live(Node("node-2", 11003))};
  const ClusterMap forth = MakeClusterMap(rows);
  std::reverse(rows.begin(), rows.end());
  EXPECT_EQ(MakeClusterMap(rows), forth);
}

class AssignmentTest : public ::testing::TestWithParam<size_t> {
 protected:
  static std::vector<ClusterNode> Nodes(size_t count) {
    std::vector<ClusterNode> nodes;
    for (size_t i = 0; i < count; ++i) nodes.push_back(Node("node-" + std::to_string(i), 11001));
    return nodes;
  }
};

TEST_P(AssignmentTest, EveryPartitionHasAnOwnerAndAnotherNodeAsBackup) {
  const std::vector<ClusterNode> nodes = Nodes(GetParam());
  const std::vector<Assignment> partitions = AssignPartitions(nodes);
  ASSERT_EQ(partitions.size(), 271U);
  for (const Assignment& partition : partitions) {
    ASSERT_LT(partition.owner, nodes.size());
    EXPECT_EQ(partition.backup.has_value(), nodes.size() > 1);
    EXPECT_NE(partition.backup, partition.owner);
  }
}

TEST_P(AssignmentTest, EveryNodeGetsItsShareAboutEvenly) {
  const std::vector<ClusterNode> nodes = Nodes(GetParam());
  std::vector<size_t> owned(nodes.size());
  for (const Assignment& partition : AssignPartitions(nodes)) ++owned[partition.owner];
  const size_t even = 271 / nodes.size();
  for (const size_t count : owned) {
    EXPECT_GT(count, even / 2);
    EXPECT_LT(count, even * 2);
  }
}

TEST_P(AssignmentTest, ANodeThatGoesHandsItsPartitionsToTheirBackupsAndMovesNoOther) {
  const std::vector<ClusterNode> before = Nodes(GetParam());
  if (before.size() < 2) return;
  std::vector<ClusterNode> after = before;
  after.erase(after.begin());
  const auto old_partitions = AssignPartitions(before);
  const auto new_partitions = AssignPartitions(after);
  for (size_t id = 0; id < old_partitions.size(); ++id) {
    const Assignment& old = old_partitions[id];
    const size_t heir = old.owner == 0 ? *old.backup : old.owner;
    EXPECT_EQ(after[new_partitions[id].owner].id, before[heir].id) << id;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, AssignmentTest, ::testing::Values(1, 2, 3, 5, 10));

TEST(AssignPartitions, NobodyOwnsAnythingWithoutNodes) {
  EXPECT_TRUE(AssignPartitions({}).empty());
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

TEST(PartitionMap, TellsOwnersAndBackups) {
  const ClusterMap map{.version = 7, .nodes = {Node("a", 1), Node("b", 2), Node("c", 3)}};
  std::string bytes;
  EncodePartitionMapFor({.host = "h:1", .target = "/"}, map, map.nodes[0], kClusterNow, bytes);
  wire::ServerFrame frame;
  ASSERT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
  EXPECT_EQ(frame.partition_map.version, 7);
  const auto assignments = AssignPartitions(map.nodes);
  const auto& partitions = frame.partition_map.partitions;
  ASSERT_EQ(partitions.size(), 271U);
  for (size_t i = 0; i < partitions.size(); ++i) {
    EXPECT_EQ(partitions[i].id, i);
    EXPECT_EQ(partitions[i].owner, map.nodes[assignments[i].owner].id);
    EXPECT_EQ(partitions[i].backups,
              (std::vector<std::string_view>{map.nodes[*assignments[i].backup].id}));
  }
}

class ClusterViewTest : public ::testing::Test {
 protected:
  bool Update(const std::vector<NodeRow>& rows) { return view_.Update(rows); }

  const NodeRow self_ = Live(Node("node-0", 11001, kClusterNow));
  support::ManualClock clock_{kClusterNow};
  ClusterView view_{{.self = Node("node-0", 11001), .membership = true}, clock_};
};

TEST_F(ClusterViewTest, KnowsNothingBeforeItsOwnRow) {
  EXPECT_FALSE(Update({Live(Node("node-1", 11002))}));
  EXPECT_EQ(view_.map().version, 0);
  EXPECT_TRUE(Update({self_, Live(Node("node-1", 11002))}));
  EXPECT_EQ(IdsOf(view_.map()), (Ids{"node-0", "node-1"}));
}

TEST_F(ClusterViewTest, SignsOfLifeChangeNothing) {
  Update({self_});
  NodeRow renewed = self_;
  renewed.report.beat_ms = kClusterNow + 1'000;
  EXPECT_FALSE(Update({renewed}));
  EXPECT_EQ(view_.map().version, kClusterNow);
}

TEST_F(ClusterViewTest, TwoJoinsOfOneMillisecondAreTwoVersions) {
  Update({self_});
  EXPECT_TRUE(Update({self_, Live(Node("node-1", 11002, kClusterNow))}));
  EXPECT_EQ(view_.map().version, kClusterNow + 1);
}

TEST_F(ClusterViewTest, TakenForDeadItKeepsItsMapUntilItHasJoinedAgain) {
  const NodeRow other = Live(Node("node-1", 11002, kClusterNow));
  Update({self_, other});
  EXPECT_FALSE(Update({Gone(self_.node, Departure::kDead, kClusterNow + 5), other}));
  EXPECT_EQ(IdsOf(view_.map()), (Ids{"node-0", "node-1"}));
  EXPECT_TRUE(Update({Live(Node("node-0", 11001, kClusterNow + 6)), other}));
  EXPECT_EQ(view_.map().version, kClusterNow + 6);
}

TEST_F(ClusterViewTest, KeepsALimitedNumberOfFrames) {
  Update({self_});
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
    nodes_.push_back(Node("node-" + std::to_string(nodes_.size()), 11001, kClusterNow + ++joins_));
    std::vector<NodeRow> rows;
    for (const ClusterNode& node : nodes_) rows.push_back(Live(node));
    ASSERT_TRUE(gateway_.cluster.Update(rows));
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
