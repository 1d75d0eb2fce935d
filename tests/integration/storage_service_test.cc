// topgun-storage as a process over real servers: what it persists, and what happens when it, Redis
// or Postgres goes away.
#include <filesystem>
#include <map>

#include "storage_cluster.h"
#include "support/http_client.h"

namespace topgun::storage {
namespace {

using support::WaitUntil;

TEST_F(StorageClusterTest, CommitsBecomeRows) {
  const auto storage = StartStorage("a");
  const uint64_t incarnation = Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "m", "k", "\x01"));
  ASSERT_TRUE(Commit(0, "m", "other", "\x02"));
  ASSERT_TRUE(Commit(0, "m", "k", "\x03"));
  ExpectRows("m", "k=3 other=2");
  ExpectPersisted(0);
  EXPECT_EQ(Query("SELECT incarnation || ' ' || position_n FROM topgun.shards WHERE shard = 0"),
            std::to_string(incarnation) + " " + Meta(0, "n"));
  EXPECT_EQ(Meta(0, "pbytes"), Meta(0, "bytes"));
  EXPECT_EQ(Open(*storage, 0), incarnation);  // stays as it is
}

TEST_F(StorageClusterTest, ManyWritesOfOneCellAreFewRows) {
  const auto storage = StartStorage("a");
  Open(*storage, 0);
  storage->process().Signal(SIGSTOP);
  for (int i = 1; i <= 100; ++i)
    ASSERT_TRUE(Commit(0, "m", "k", std::string(1, static_cast<char>(i))));
  storage->process().Signal(SIGCONT);
  ExpectRows("m", "k=100");
  ExpectPersisted(0);
  // Rows ever written, dead versions included.
  EXPECT_LE(std::stoi(Query("SELECT n_tup_ins + n_tup_upd FROM pg_stat_all_tables "
                            "WHERE schemaname = 'topgun' AND relname = 'cells'")),
            10);
}

TEST_F(StorageClusterTest, ACrashLosesNothing) {
  auto storage = StartStorage("a");
  const uint64_t incarnation = Open(*storage, 1);
  ASSERT_TRUE(Commit(1, "m", "before", "\x01"));
  ExpectRows("m", "before=1");
  storage->process().Signal(SIGKILL);
  ASSERT_TRUE(storage->process().Wait());
  ASSERT_TRUE(Commit(1, "m", "meanwhile", "\x02"));
  storage = StartStorage("a");
  ExpectRows("m", "before=1 meanwhile=2");
  ExpectPersisted(1);
  EXPECT_EQ(Open(*storage, 1), incarnation);  // Redis was there all the time
}

TEST_F(StorageClusterTest, CatchesUpAfterPostgresWasAway) {
  const auto storage = StartStorage("a");
  const uint64_t incarnation = Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "m", "before", "\x01"));
  ExpectPersisted(0);
  postgres_->Stop();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Commit(0, "m", "during", "\x02"));
  ASSERT_TRUE(WaitUntil([&] { return storage->Log().find("flushing") != std::string::npos; }));
  EXPECT_EQ(Open(*storage, 0), incarnation);  // an open shard needs no Postgres
  postgres_->Start();
  ExpectRows("m", "before=1 during=2");
  ExpectPersisted(0);
}

TEST_F(StorageClusterTest, AnEmptiedRedisIsOpenedAnewAndKnowsWhatItLacks) {
  const auto storage = StartStorage("a");
  const uint64_t before = Open(*storage, 2);
  ASSERT_TRUE(Commit(2, "m", "k", "\x01"));
  ExpectPersisted(2);
  const std::string n = Meta(2, "n");
  ASSERT_EQ(Send({"FLUSHALL"}), "\"OK\"");
  EXPECT_GT(Open(*storage, 2), before);
  EXPECT_EQ(Send({"HGETALL", Keys(2).unloaded()}), "[\"\x01m\" \"0-0\"]");
  EXPECT_EQ(std::stoull(Meta(2, "n")), std::stoull(n) + 1);
  EXPECT_EQ(Send({"GET", "tg:shards"}), "\"4\"");
  ASSERT_TRUE(Commit(2, "new", "k", "\x02"));
  ExpectRows("new", "k=2");
  EXPECT_EQ(Rows("m"), "k=1");
}

TEST_F(StorageClusterTest, ARestartedRedisIsOpenedByItself) {
  const auto storage = StartStorage("a");
  const uint64_t before = Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "m", "k", "\x01"));
  ExpectPersisted(0);
  server_.Restart();
  redis_ = std::make_unique<redis::RedisClient>(server_.address());
  ASSERT_TRUE(WaitUntil([&] { return Meta(0, "run") == redis_->run(); })) << storage->Log();
  EXPECT_GT(std::stoull(Meta(0, "inc")), before);
  EXPECT_EQ(Send({"EXISTS", Keys(0).unloaded()}), "0");  // nothing was lost, nothing is fetched
  ASSERT_TRUE(Commit(0, "m", "k", "\x02"));
  ExpectRows("m", "k=2");
}

// The append-only file of an earlier moment comes back, as after a power failure.
TEST_F(StorageClusterTest, ARewoundRedisFetchesOnlyWhatIsAboveItsTail) {
  const auto storage = StartStorage("a");
  Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "kept", "k", "\x01"));
  ExpectPersisted(0);
  const std::string tail = Meta(0, "inc") + "-" + Meta(0, "n");
  server_.Stop();
  const std::string files = server_.dir();
  support::TempDir copy;
  std::filesystem::copy(
      files, copy.path(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  server_.Start();
  redis_ = std::make_unique<redis::RedisClient>(server_.address());
  ASSERT_TRUE(WaitUntil([&] { return Commit(0, "lost", "k", "\x02"); })) << storage->Log();
  ExpectPersisted(0);

  server_.Stop(SIGKILL);
  for (const auto& entry : std::filesystem::directory_iterator(files)) {
    std::filesystem::remove_all(entry.path());
  }
  std::filesystem::copy(copy.path(), files, std::filesystem::copy_options::recursive);
  server_.Start();
  redis_ = std::make_unique<redis::RedisClient>(server_.address());
  ASSERT_TRUE(WaitUntil([&] { return Meta(0, "run") == redis_->run(); })) << storage->Log();
  EXPECT_EQ(Send({"HGETALL", Keys(0).unloaded()}), "[\"\x01lost\" \"" + tail + "\"]");
  ASSERT_TRUE(Commit(0, "kept", "k", "\x03"));
  ExpectRows("kept", "k=3");
  EXPECT_EQ(Rows("lost"), "k=2");
}

TEST_F(StorageClusterTest, AGapIsRepairedFromTheCells) {
  auto storage = StartStorage("a");
  Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "m", "first", "\x01"));
  ExpectPersisted(0);
  storage->process().Signal(SIGKILL);
  ASSERT_TRUE(storage->process().Wait());
  ASSERT_TRUE(Commit(0, "m", "trimmed", "\x02"));
  ASSERT_TRUE(Commit(0, "w", "last", "\x03"));
  ASSERT_NE(Send({"XTRIM", Keys(0).feed(), "MAXLEN", "1"}), "0");
  storage = StartStorage("a");
  ExpectRows("m", "first=1 trimmed=2");
  ExpectRows("w", "last=3");
  ExpectPersisted(0);
}

TEST_F(StorageClusterTest, ARestoredPostgresIsFilledFromRedis) {
  auto storage = StartStorage("a");
  Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "m", "k", "\x01"));
  ExpectPersisted(0);
  storage->process().Signal(SIGTERM);
  ASSERT_TRUE(storage->process().Wait());
  ASSERT_NE(Send({"XTRIM", Keys(0).feed(), "MAXLEN", "1"}), "nil");
  database_ = postgres_->CreateDatabase();
  storage = StartStorage("a");
  Open(*storage, 0);
  ExpectRows("m", "k=1");
  ExpectPersisted(0);
}

TEST_F(StorageClusterTest, TheFeedIsTrimmedBehindTheWindow) {
  const auto storage = StartStorage("a", {"--watch-window-ms", "0"});
  Open(*storage, 0);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Commit(0, "m", "k", "\x01"));
  ExpectPersisted(0);
  EXPECT_TRUE(WaitUntil([&] {
    return Send({"XLEN", Keys(0).feed()}) == "1";
  })) << Send({"XLEN", Keys(0).feed()});
}

TEST_F(StorageClusterTest, TheFeedKeepsWhatWatchersMayAskFor) {
  const auto storage = StartStorage("a");
  Open(*storage, 0);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Commit(0, "m", "k", "\x01"));
  ExpectPersisted(0);
  EXPECT_EQ(Send({"XLEN", Keys(0).feed()}), "11");
}

TEST_F(StorageClusterTest, LoadsAMapWithEverythingCommittedBeforeTheCall) {
  const auto storage = StartStorage("a");
  const uint64_t incarnation = Open(*storage, 3);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Commit(3, "m", std::to_string(i), "\x01"));
  const Loaded all = Load(storage->stub(), 3, "m", 0, 0);
  ASSERT_TRUE(all.status.ok()) << all.status.error_message();
  EXPECT_EQ(all.values.size(), 50U);
  EXPECT_EQ(all.values.at("49"), "\x01");
  const uint64_t tail = std::stoull(Meta(3, "n"));
  EXPECT_EQ(Load(storage->stub(), 3, "m", incarnation, tail - 2).values.size(), 2U);
  EXPECT_EQ(Load(storage->stub(), 3, "unknown", 0, 0).values.size(), 0U);
  EXPECT_EQ(Load(storage->stub(), kTestShards, "m", 0, 0).status.error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(StorageClusterTest, ProcessesShareTheShardsAndNameTheOwner) {
  const auto a = StartStorage("a", {"--advertise", "a:1"});
  Open(*a, 0);
  const auto b = StartStorage("b", {"--advertise", "b:1"});
  const auto held = [this](const std::string& name) {
    return Query("SELECT count(*) FROM topgun.leases WHERE owner = '" + name + "'");
  };
  ASSERT_TRUE(WaitUntil([&] { return held("a") == "2" && held("b") == "2"; }));
  const auto shard_of_b = static_cast<uint32_t>(
      std::stoi(Query("SELECT min(shard) FROM topgun.leases WHERE owner = 'b'")));
  Open(*b, shard_of_b);
  ASSERT_TRUE(Commit(shard_of_b, "m", "k", "\x01"));
  ExpectRows("m", "k=1");

  // a learns the new owner's address with its next heartbeat.
  ASSERT_TRUE(WaitUntil([&] {
    grpc::ClientContext context;
    v1::OpenShardResponse response;
    const grpc::Status status = TryOpen(*a, shard_of_b, &response, &context);
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto owner = trailers.find("topgun-owner");
    return status.error_code() == grpc::StatusCode::FAILED_PRECONDITION &&
           owner != trailers.end() && owner->second == "b:1";
  }));

  b->process().Signal(SIGKILL);
  ASSERT_TRUE(WaitUntil([&] { return held("a") == "4"; }));
  ASSERT_TRUE(Commit(shard_of_b, "m", "k", "\x02"));
  ExpectRows("m", "k=2");
}

TEST_F(StorageClusterTest, SigtermFlushesAndReleasesEverything) {
  const auto storage = StartStorage("a");
  Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "m", "k", "\x01"));
  ExpectPersisted(0);
  storage->process().Signal(SIGTERM);
  ASSERT_TRUE(storage->process().Wait());
  EXPECT_EQ(storage->process().exit_code(), 0) << storage->Log();
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.leases WHERE owner IS NOT NULL"), "0");
  EXPECT_EQ(Query("SELECT count(*) FROM topgun.storage_processes"), "0");
}

TEST_F(StorageClusterTest, SigtermDoesNotHangWithoutPostgres) {
  const auto storage = StartStorage("a", {"--drain-ms", "500"});
  Open(*storage, 0);
  postgres_->Stop();
  ASSERT_TRUE(Commit(0, "m", "k", "\x01"));
  std::string metrics;
  ASSERT_TRUE(WaitUntil([&] {  // it has read what it cannot write
    support::HttpExchange(storage->admin_port(), "GET", "/metrics", &metrics);
    return metrics.find("\nstorage_unflushed_bytes ") != std::string::npos &&
           metrics.find("\nstorage_unflushed_bytes 0\n") == std::string::npos;
  })) << metrics;
  storage->process().Signal(SIGTERM);
  ASSERT_TRUE(storage->process().Wait());
  EXPECT_EQ(storage->process().exit_code(), 1) << "not everything in hand was written";
  EXPECT_NE(storage->Log().find("it stays in the feeds"), std::string::npos) << storage->Log();
}

TEST_F(StorageClusterTest, ADrainOnDemandHandsTheShardsOverUntilItIsCancelled) {
  const auto a = StartStorage("a");
  Open(*a, 0);
  const auto b = StartStorage("b");
  const auto held = [this](const std::string& name) {
    return Query("SELECT count(*) FROM topgun.leases WHERE owner = '" + name + "'");
  };
  ASSERT_TRUE(WaitUntil([&] { return held("a") == "2" && held("b") == "2"; }));
  EXPECT_EQ(support::HttpExchange(a->admin_port(), "POST", "/drain"), 200);
  EXPECT_EQ(support::HttpExchange(a->admin_port(), "GET", "/readyz"), 503);
  ASSERT_TRUE(WaitUntil([&] { return held("b") == "4"; })) << a->Log();
  for (uint32_t shard = 0; shard < kTestShards; ++shard) Open(*b, shard);
  ASSERT_TRUE(Commit(0, "m", "k", "\x01"));
  ExpectRows("m", "k=1");

  ASSERT_TRUE(WaitUntil([&] {  // 409 until everything is handed over
    return support::HttpExchange(a->admin_port(), "POST", "/drain?cancel") == 200;
  }));
  EXPECT_TRUE(WaitUntil([&] { return held("a") == "2" && held("b") == "2"; })) << a->Log();
}

TEST_F(StorageClusterTest, AnotherShardCountRefusesToStart) {
  ASSERT_EQ(Send({"SET", "other:shards", "9"}), "\"OK\"");
  const auto refused = StartStorage("c", {"--redis-prefix", "other"});
  ASSERT_TRUE(refused->process().Wait());
  EXPECT_EQ(refused->process().exit_code(), 1);
  EXPECT_NE(refused->Log().find("has 9 shards, not 4"), std::string::npos) << refused->Log();
}

}  // namespace
}  // namespace topgun::storage
