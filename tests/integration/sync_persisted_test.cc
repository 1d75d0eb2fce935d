// How far Postgres has a shard, as a Watch stream hears it: topgun-sync and topgun-storage as
// processes over a real Redis and Postgres.
#include <gtest/gtest.h>

#include <algorithm>

#include "storage_cluster.h"
#include "sync_process.h"

namespace topgun::sync {
namespace {

using storage::kTestShards;
using storage::StorageProcess;

class PersistedPositionsTest : public storage::StorageClusterTest {
 protected:
  void SetUp() override {
    StorageClusterTest::SetUp();
    storage_ = StartStorage();
    sync_ = std::make_unique<SyncProcess>(server_.address(), Address(), kTestShards);
    apply_ = std::make_unique<ApplyStream>(sync_->stub());
  }
  std::string Address() const { return "127.0.0.1:" + std::to_string(storage_port_); }
  std::unique_ptr<StorageProcess> StartStorage() {
    return std::make_unique<StorageProcess>("storage-a", server_, postgres_->Dsn(database_),
                                            std::vector<std::string>{}, Address());
  }

  v1::PartResult Write(const std::string& key) {
    apply_->Send(PartOf("m", 0, {{crdt::v1::OP_KIND_PUT, key, "", "\xc3"}}));
    const v1::PartResult result = apply_->Next();
    EXPECT_EQ(result.code(), 0) << result.message();
    EXPECT_FALSE(result.volatile_storage());
    return result;
  }

  const uint16_t storage_port_ = FreePort();
  std::unique_ptr<StorageProcess> storage_;
  std::unique_ptr<SyncProcess> sync_;
  std::unique_ptr<ApplyStream> apply_;
};

// A Watch stream on shard 0 without interest in any map.
class PersistedWatch {
 public:
  explicit PersistedWatch(v1::Sync::Stub& stub) {
    context_.set_deadline(std::chrono::system_clock::now() + 2 * support::kPatience);
    stream_ = stub.Watch(&context_);
    v1::WatchRequest request;
    request.add_shards()->set_shard(0);
    EXPECT_TRUE(stream_->Write(request));
  }
  ~PersistedWatch() {
    context_.TryCancel();
    stream_->Finish();
  }

  // Reads until Postgres has everything up to the result's position.
  bool Await(const v1::PartResult& result) {
    const auto reached = [&] {
      return persisted_.incarnation() == result.position().incarnation() &&
             persisted_.n() >= result.position().n();
    };
    v1::WatchReply reply;
    while (!reached() && stream_->Read(&reply)) {
      for (const v1::ShardPosition& position : reply.persisted()) {
        EXPECT_EQ(position.shard(), 0U);
        persisted_ = position.position();
      }
    }
    return reached();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WatchRequest, v1::WatchReply>> stream_;
  crdt::v1::Position persisted_;
};

TEST_F(PersistedPositionsTest, AnIdleShardTellsItsLastCommit) {
  PersistedWatch watch(sync_->stub());
  const v1::PartResult result = Write("k");
  EXPECT_TRUE(watch.Await(result));
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.records WHERE map = 'm'"), "1")
      << "told only what Postgres has";
}

TEST_F(PersistedPositionsTest, AWatcherThatComesLateIsToldOnce) {
  const v1::PartResult result = Write("k");
  ExpectPersisted(0);
  PersistedWatch watch(sync_->stub());
  EXPECT_TRUE(watch.Await(result)) << "nothing moves any more";
}

TEST_F(PersistedPositionsTest, PositionsArriveAgainAfterStorageWasKilled) {
  PersistedWatch watch(sync_->stub());
  ASSERT_TRUE(watch.Await(Write("before")));
  storage_->process().Kill();
  const v1::PartResult during = Write("during");
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.records WHERE map = 'm'"), "1");
  storage_ = StartStorage();
  EXPECT_TRUE(watch.Await(during));
  EXPECT_TRUE(watch.Await(Write("after")));
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.records WHERE map = 'm'"), "3");
}

}  // namespace
}  // namespace topgun::sync
