// Merkle paths that no key has: answered at once, and kept from the reader (core.md 7.5).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway_sync_fixture.h"

namespace topgun::gateway {
namespace {

class SyncPathsTest : public SyncTest {};

TEST_F(SyncPathsTest, ShortOnesHaveNoChildren) {
  for (const std::string path : {"x", "A", "3g", "\xff", "\xff\xfe"}) {
    Send(Bucket("m", path));
    const wire::ServerFrame& reply = Reply();
    EXPECT_EQ(reply.type, wire::FrameType::kSyncRespBuckets) << path;
    EXPECT_EQ(reply.sync_buckets.map, "m");
    EXPECT_EQ(reply.sync_buckets.path, path);
    EXPECT_TRUE(reply.sync_buckets.buckets.empty());
  }
  EXPECT_TRUE(gateway_.trees.reads.empty());
}

TEST_F(SyncPathsTest, LongOnesHaveNoRecords) {
  for (const std::string& path : {std::string("37g"), std::string("374a"),
                                  std::string("\xff\xff\xff"), std::string(1'000'000, '3')}) {
    Send(Bucket("m", path));
    const wire::ServerFrame& leaf = Reply();
    ASSERT_EQ(leaf.type, wire::FrameType::kSyncRespLeaf);
    EXPECT_TRUE(leaf.sync_leaf.path == path);
    EXPECT_TRUE(leaf.sync_leaf.records.empty());
    Send(OrBucket("m", path));
    const wire::ServerFrame& or_leaf = Reply();
    ASSERT_EQ(or_leaf.type, wire::FrameType::kOrMapSyncRespLeaf);
    EXPECT_EQ(or_leaf.or_map_leaf.entries.size(), 0U);
  }
  EXPECT_TRUE(gateway_.trees.reads.empty());
}

TEST_F(SyncPathsTest, OneClientsPathIsNoPartOfAnothersRead) {
  FakeSession other;
  SessionHandler& handler = gateway_.table.OnOpen(other);
  handler.OnMessage(Bucket("m", "\xff"), true);
  SendBurst({SyncInit("m"), Bucket("m", "3")});
  EXPECT_EQ(other.TakeTypes(), "SYNC_RESP_BUCKETS");
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  EXPECT_EQ(Paths(), (std::vector<std::string>{"", "3"}));
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(), "SYNC_RESP_ROOT SYNC_RESP_BUCKETS");
  handler.OnClosed(CloseCause::kPeer);
}

TEST_F(SyncPathsTest, AForbiddenMapIsRefusedFirst) {
  gateway_.access.Deny(Action::kRead, "m");
  Send(Bucket("m", "\xff"));
  EXPECT_EQ(session_.TakeTypes(), "ERROR");
}

}  // namespace
}  // namespace topgun::gateway
