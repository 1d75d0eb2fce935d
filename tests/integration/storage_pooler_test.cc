// topgun-storage behind PgBouncer in transaction mode: a statement may meet another session of
// Postgres than the one before it, and the pooler may go away.
#include <unistd.h>

#include <fstream>

#include "storage_cluster.h"

namespace topgun::storage {
namespace {

using support::WaitUntil;

// A private PgBouncer on a Unix socket. It refuses to run as root, as Postgres does.
class Pooler {
 public:
  explicit Pooler(const std::string& postgres_dir) {
    std::ofstream(dir_ / "pgbouncer.ini")
        << "[databases]\n* = host=" << postgres_dir << " user=postgres\n"
        << "[pgbouncer]\nlisten_addr =\nlisten_port = " << kPort
        << "\nunix_socket_dir = " << dir_.path()
        << "\nauth_type = any\npool_mode = transaction\n"
        // Fewer than there are connections to it.
        << "default_pool_size = 2\n"
        // For Debian's file, which allows none.
        << "max_client_conn = 50\n";
    if (::geteuid() == 0) support::RunCommand({"chown", "-R", "postgres", dir_.path()}, {});
    Start();
  }

  std::string Dsn(const std::string& database) const {
    return "host=" + dir_.path() + " port=" + std::to_string(kPort) +
           " user=app dbname=" + database;
  }
  void Start() {
    process_ =
        support::ChildProcess({"/usr/sbin/pgbouncer", dir_ / "pgbouncer.ini"},
                              {.output_path = dir_ / "log", .user = "postgres", .environment = {}});
  }
  void Kill() {
    process_.Kill();
    ::unlink((dir_ / (".s.PGSQL." + std::to_string(kPort))).c_str());
  }
  std::string Log() const {
    std::ifstream file(dir_ / "log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  static constexpr int kPort = 6432;  // names the socket; nobody listens on the network

  support::TempDir dir_;
  support::ChildProcess process_;
};

class StoragePoolerTest : public StorageClusterTest {
 protected:
  void SetUp() override {
    StorageClusterTest::SetUp();
    pooler_ = std::make_unique<Pooler>(postgres_->dir());
  }
  std::string Dsn() const override { return pooler_->Dsn(database_); }

  std::unique_ptr<Pooler> pooler_;
};

TEST_F(StoragePoolerTest, FlushesAndHandsBackWhatRedisHasLost) {
  const auto storage = StartStorage("a", {"--postgres-connections", "4"});
  const uint64_t before = Open(*storage, 2);
  ASSERT_TRUE(Commit(2, "m", "k", "\x01")) << pooler_->Log();
  ASSERT_TRUE(Commit(2, "m", "other", "\x02"));
  ExpectRows("m", "k=1 other=2");
  ExpectPersisted(2);
  EXPECT_EQ(Query("SELECT count(*) <= 2 FROM pg_stat_activity WHERE datname = current_database() "
                  "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"),
            "t")
      << "five connections share the two of the pool";
  ASSERT_EQ(Send({"FLUSHALL"}), "\"OK\"");
  EXPECT_GT(Open(*storage, 2), before);
  const Loaded loaded = Load(storage->stub(), 2, "m", 0, 0);
  ASSERT_TRUE(loaded.status.ok()) << loaded.status.error_message();
  EXPECT_EQ(loaded.values, (std::map<std::string, std::string>{{"k", "\x01"}, {"other", "\x02"}}));
}

TEST_F(StoragePoolerTest, ARestartedPoolerIsFoundAgainAndNothingIsMissing) {
  const auto storage = StartStorage("a");
  const uint64_t incarnation = Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "m", "before", "\x01"));
  ExpectPersisted(0);
  pooler_->Kill();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Commit(0, "m", "during", "\x02"));
  ASSERT_TRUE(WaitUntil([&] { return storage->Log().find("flushing") != std::string::npos; }));
  pooler_->Start();
  ExpectRows("m", "before=1 during=2");
  ExpectPersisted(0);
  EXPECT_EQ(Open(*storage, 0), incarnation);
}

TEST_F(StoragePoolerTest, ShardsPassToAnotherProcess) {
  auto first = StartStorage("a");
  Open(*first, 1);
  ASSERT_TRUE(Commit(1, "m", "first", "\x01"));
  ExpectPersisted(1);
  first->process().Kill();
  ASSERT_TRUE(Commit(1, "m", "meanwhile", "\x02"));
  const auto second = StartStorage("b");
  ExpectRows("m", "first=1 meanwhile=2");
  ExpectPersisted(1);
  EXPECT_TRUE(WaitUntil(
      [&] { return Query("SELECT string_agg(DISTINCT owner, ' ') FROM topgun.leases") == "b"; }));
}

// A flush that the fence refuses takes its pipeline down in the middle; the session goes back to
// the pool clean.
TEST_F(StoragePoolerTest, ARefusedFlushLeavesNothingBehind) {
  const auto storage = StartStorage("a");
  Open(*storage, 3);
  ASSERT_TRUE(Commit(3, "m", "k", "\x01"));
  ExpectPersisted(3);
  const std::string moved = std::to_string(std::stoull(Meta(3, "n")) + 1000);
  Query("UPDATE topgun.shards SET position_n = " + moved + " WHERE shard = 3");
  ASSERT_TRUE(Commit(3, "m", "refused", "\x02"));
  EXPECT_TRUE(WaitUntil([&] { return Meta(3, "pn") == moved; }))
      << "it looks where Postgres stands after a refusal: " << storage->Log();
  EXPECT_EQ(Rows("m"), "k=1");
  Open(*storage, 0);
  ASSERT_TRUE(Commit(0, "m", "x", "\x03"));
  ExpectPersisted(0);
}

}  // namespace
}  // namespace topgun::storage
