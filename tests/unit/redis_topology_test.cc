// What is pure of lib/redis' client: slots of keys, tables of slots, checks of the settings.
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <vector>

#include "redis/topology_settings.h"
#include "slot_table.h"
#include "state/keys.h"

namespace topgun::redis {
namespace {

Reply Parsed(std::string_view resp) {
  struct Free {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };
  const std::unique_ptr<redisReader, Free> reader(redisReaderCreate());
  redisReaderFeed(reader.get(), resp.data(), resp.size());
  void* reply = nullptr;
  EXPECT_EQ(redisReaderGetReply(reader.get(), &reply), REDIS_OK);
  return Reply(static_cast<redisReply*>(reply));
}

StatusOr<SlotTable> Table(std::string_view resp, std::string_view asked = "10.0.0.1:7000") {
  const Reply reply = Parsed(resp);
  return SlotTable::Parse(ReplyView(reply.get()), asked);
}

TEST(SlotOfKey, IsThatOfTheTextBetweenTheFirstBraces) {
  EXPECT_EQ(SlotOfKey("123456789"), 12739U) << "the example of the Redis Cluster specification";
  EXPECT_EQ(SlotOfKey("{user1000}.following"), SlotOfKey("user1000"));
  EXPECT_EQ(SlotOfKey("foo{{bar}}zap"), SlotOfKey("{bar"));
  EXPECT_EQ(SlotOfKey("foo{bar}{zap}"), SlotOfKey("bar"));
  EXPECT_EQ(SlotOfKey("foo{}{bar}"), state::SlotOf("foo{}{bar}")) << "empty braces tag nothing";
  EXPECT_EQ(SlotOfKey("foo{bar"), state::SlotOf("foo{bar"));
}

TEST(SlotOfKey, OfAllKeysOfAShardIsOneSlot) {
  for (uint32_t shard = 0; shard < 16; ++shard) {
    const state::ShardKeys keys("tg", shard, 16);
    const std::string cells = keys.Cells(state::CellKind::kOr, "a{b}c");
    for (const std::string& key : {keys.feed(), keys.maps(), keys.unloaded(), keys.loading(),
                                   keys.sweep(), keys.fence(), cells}) {
      EXPECT_EQ(SlotOfKey(key), SlotOfKey(keys.meta())) << key;
    }
  }
}

TEST(SlotTable, OfOneServerHasEverythingThere) {
  const SlotTable table = SlotTable::Of("unix:/redis.sock");
  EXPECT_EQ(table.AddressOf(0), "unix:/redis.sock");
  EXPECT_EQ(table.AddressOf(16383), "unix:/redis.sock");
}

TEST(SlotTable, TakesPrimariesAndKnowsReplicas) {
  const auto table = Table(
      "*2\r\n"
      "*4\r\n:0\r\n:8191\r\n"
      "*3\r\n$8\r\n10.0.0.2\r\n:7001\r\n$1\r\na\r\n"
      "*3\r\n$8\r\n10.0.0.3\r\n:7002\r\n$1\r\nb\r\n"
      "*3\r\n:8192\r\n:16000\r\n*4\r\n$2\r\n::\r\n:7003\r\n$1\r\nc\r\n*0\r\n");
  ASSERT_TRUE(table.ok()) << ToString(table.status());
  EXPECT_EQ(table->AddressOf(0), "10.0.0.2:7001");
  EXPECT_EQ(table->AddressOf(8191), "10.0.0.2:7001");
  EXPECT_EQ(table->AddressOf(8192), "[::]:7003");
  EXPECT_EQ(table->AddressOf(16001), "") << "nobody has it";
  EXPECT_EQ(table->nodes(),
            (std::vector<std::string>{"10.0.0.2:7001", "10.0.0.3:7002", "[::]:7003"}));
}

TEST(SlotTable, ANodeThatDoesNotKnowItsAddressIsWhereItWasReached) {
  for (const std::string host : {"$0\r\n\r\n", "$-1\r\n"}) {
    const auto table = Table("*1\r\n*3\r\n:0\r\n:1\r\n*3\r\n" + host + ":7009\r\n$1\r\na\r\n");
    ASSERT_TRUE(table.ok()) << ToString(table.status());
    EXPECT_EQ(table->AddressOf(1), "10.0.0.1:7009");
  }
}

TEST(SlotTable, RefusesWhatIsNoTable) {
  for (const std::string_view resp :
       {"$2\r\nno\r\n", "*1\r\n*2\r\n:0\r\n:1\r\n", "*1\r\n*3\r\n:5\r\n:1\r\n*0\r\n",
        "*1\r\n*3\r\n:0\r\n:16384\r\n*0\r\n", "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n",
        "*1\r\n:1\r\n"}) {
    EXPECT_EQ(Table(resp).status().code(), StatusCode::kInternal) << resp;
  }
}

TEST(Redirects, AreToldByTheFirstWord) {
  EXPECT_EQ(RedirectOf("MOVED 1 10.0.0.2:7001"), Redirect::kMoved);
  EXPECT_EQ(RedirectOf("ASK 1 10.0.0.2:7001"), Redirect::kAsk);
  EXPECT_EQ(RedirectOf("TRYAGAIN Multiple keys request during rehashing of slot"),
            Redirect::kTryAgain);
  EXPECT_EQ(RedirectOf("CLUSTERDOWN The cluster is down"), Redirect::kClusterDown);
  EXPECT_EQ(RedirectOf("ERR MOVED"), std::nullopt);
  EXPECT_EQ(RedirectOf(""), std::nullopt);
}

TEST(TopologySettings, SayWhatTheAddressesAre) {
  const auto check = [](const Topology& topology) {
    return CheckTopology(topology, {}, {"redis"});
  };
  EXPECT_TRUE(check({.addresses = {"unix:/redis.sock"}}).ok());
  EXPECT_TRUE(check({.addresses = {"a:1", "b:1"}, .cluster = true}).ok());
  EXPECT_TRUE(check({.addresses = {"a:1", "b:1"}, .sentinel = "main"}).ok());
  for (const Topology& topology : {Topology{}, Topology{.addresses = {"a:1", "b:1"}},
                                   Topology{.addresses = {"a:1"}, .cluster = true, .sentinel = "x"},
                                   Topology{.addresses = {"unix:/a"}, .cluster = true}}) {
    EXPECT_EQ(check(topology).code(), StatusCode::kInvalidArgument);
  }
}

TEST(TopologySettings, PlainTextIsAskedAboutForEveryAddress) {
  const Topology topology{.addresses = {"127.0.0.1:1", "10.0.0.1:1"}, .cluster = true};
  const Status refused = CheckTopology(topology, {}, {});
  EXPECT_NE(Message(refused).find("10.0.0.1:1"), std::string_view::npos) << ToString(refused);
}

}  // namespace
}  // namespace topgun::redis
