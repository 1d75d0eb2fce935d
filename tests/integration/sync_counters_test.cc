// PN counters from the service to Postgres and back: topgun-sync and topgun-storage as processes
// over a real Redis and Postgres.
#include <gtest/gtest.h>

#include "crdt/pn_counter.h"
#include "state/counted.h"
#include "storage_cluster.h"
#include "sync_process.h"

namespace topgun::sync {
namespace {

using storage::kTestShards;
using storage::StorageProcess;

class SyncCountersTest : public storage::StorageClusterTest {
 protected:
  void SetUp() override {
    StorageClusterTest::SetUp();
    storage_ = std::make_unique<StorageProcess>("storage-a", server_, postgres_->Dsn(database_),
                                                std::vector<std::string>{}, Address());
    sync_ = StartSync();
  }
  std::string Address() const { return "127.0.0.1:" + std::to_string(storage_port_); }
  std::unique_ptr<SyncProcess> StartSync() const {
    return std::make_unique<SyncProcess>(server_.address(), Address(), kTestShards);
  }
  static uint32_t ShardOf(const std::string& name) { return state::ShardOf(name, kTestShards); }

  // The outcomes of one part.
  std::string Count(const std::string& name,
                    const std::vector<std::pair<std::string, state::Counted>>& counted) {
    std::vector<Op> ops;
    for (const auto& [node, amounts] : counted) {
      ops.push_back({crdt::v1::OP_KIND_COUNTER, node, "", state::EncodeCounted(amounts)});
      ops.back().millis = 0;
    }
    ApplyStream stream(sync_->stub());
    stream.Send(PartOf(name, ShardOf(name), ops));
    const v1::PartResult result = stream.Next();
    EXPECT_EQ(result.code(), 0) << result.message() << sync_->Log();
    return result.outcomes();
  }
  crdt::PnCounter Read(const std::string& name) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    v1::ReadCounterRequest request;
    request.set_name(name);
    v1::ReadCounterReply reply;
    const grpc::Status status = sync_->stub().ReadCounter(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message() << sync_->Log();
    const auto counter = crdt::PnCounter::Decode(reply.state());
    EXPECT_TRUE(counter.ok()) << reply.state().size();
    return counter.ok() ? *counter : crdt::PnCounter();
  }
  std::string Persisted(const std::string& name) {
    return Query(
        "SELECT coalesce(max(value || ' of ' || nodes), '') FROM topgun.counters WHERE "
        "name = '" +
        name + "'");
  }

  const uint16_t storage_port_ = support::FreePort();
  std::unique_ptr<StorageProcess> storage_;
  std::unique_ptr<SyncProcess> sync_;
};

TEST_F(SyncCountersTest, WhatWasCountedIsReadAndPersisted) {
  EXPECT_TRUE(Read("likes").empty());
  EXPECT_EQ(Count("likes", {{"n1", {5, 1}}, {"n2", {0.5, 0}}, {"n1", {4, 2}}}), "\x01\x01\x01");
  EXPECT_EQ(Count("likes", {{"n1", {5, 2}}, {"n1", {1, 1}}}), "\x03\x02");
  EXPECT_EQ(Read("likes"), crdt::PnCounter({{"n1", 5}, {"n2", 0.5}}, {{"n1", 2}}));
  ExpectPersisted(ShardOf("likes"));
  EXPECT_EQ(Persisted("likes"), "3.5 of 2");
}

TEST_F(SyncCountersTest, AnEmptiedRedisGetsThemBackFromPostgres) {
  Count("likes", {{"n1", {5, 1}}, {"n2", {2, 0}}});
  ExpectPersisted(ShardOf("likes"));
  ASSERT_EQ(Send({"FLUSHALL"}), "\"OK\"");
  EXPECT_EQ(Read("likes"), crdt::PnCounter({{"n1", 5}, {"n2", 2}}, {{"n1", 1}}));
  ASSERT_EQ(Send({"FLUSHALL"}), "\"OK\"");
  EXPECT_EQ(Count("likes", {{"n1", {4, 7}}}), "\x01") << "loaded before it is merged";
  EXPECT_EQ(Read("likes"), crdt::PnCounter({{"n1", 5}, {"n2", 2}}, {{"n1", 7}}));
  ExpectPersisted(ShardOf("likes"));
  EXPECT_EQ(Persisted("likes"), "0 of 2");
}

// More cells than a page of Redis' scan or of Postgres has.
TEST_F(SyncCountersTest, ManyNodesComeBackWhole) {
  std::vector<std::pair<std::string, state::Counted>> counted;
  for (int i = 0; i < 2'000; ++i)
    counted.emplace_back("node-" + std::to_string(i), state::Counted{1, 0});
  Count("crowd", counted);
  EXPECT_EQ(Read("crowd").Value(), 2'000);
  ExpectPersisted(ShardOf("crowd"));
  ASSERT_EQ(Send({"FLUSHALL"}), "\"OK\"");
  EXPECT_EQ(Read("crowd").Value(), 2'000);
}

}  // namespace
}  // namespace topgun::sync
