// The fixtures of the other integration tests do what they say.
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "support/child_process.h"
#include "support/postgres_server.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"

namespace topgun::support {
namespace {

TEST(ChildProcessTest, ReportsHowTheProgramEnded) {
  ChildProcess exits({"sh", "-c", "exit 3"}, {});
  ASSERT_TRUE(exits.Wait());
  EXPECT_EQ(exits.exit_code(), 3);
  ChildProcess killed({"sleep", "1000"}, {});
  EXPECT_TRUE(killed.Running());
  EXPECT_FALSE(killed.exit_code().has_value());
  killed.Kill();
  EXPECT_EQ(killed.exit_code(), 128 + SIGKILL);
  ChildProcess absent({"no-such-program-anywhere"}, {});
  ASSERT_TRUE(absent.Wait());
  EXPECT_EQ(absent.exit_code(), 127);
  EXPECT_THROW(RunCommand({"false"}, {}), std::runtime_error);
}

TEST(ChildProcessTest, PassesEnvironmentAndCollectsOutput) {
  const TempDir dir;
  const std::string path = dir / "output";
  RunCommand({"sh", "-c", "echo $GREETING; echo oops >&2"},
             {.output_path = path, .user = "", .environment = {"GREETING=hello"}});
  std::ifstream file(path);
  std::string first;
  std::string second;
  file >> first >> second;
  EXPECT_EQ(first, "hello");
  EXPECT_EQ(second, "oops");
}

TEST(RedisServerTest, RefusesToStartWithNonsense) {
  EXPECT_THROW(RedisServer({"--no-such-option", "1"}), std::runtime_error);
}

TEST(PostgresServerTest, KeepsCommittedRowsThroughACrash) {
  PostgresServer server({"max_connections=20"});
  EXPECT_EQ(server.Query("SHOW max_connections"), "20");
  EXPECT_EQ(server.Query("SHOW synchronous_commit"), "on");
  const std::string database = server.CreateDatabase();
  EXPECT_NE(server.CreateDatabase(), database);
  server.Query("CREATE TABLE t (n int); INSERT INTO t VALUES (42)", database);
  server.Restart(SIGQUIT);
  EXPECT_EQ(server.Query("SELECT n FROM t", database), "42");
  server.Restart();
  EXPECT_EQ(server.Query("SELECT n FROM t", database), "42");
  EXPECT_EQ(server.Query("SELECT n FROM t WHERE n = 0", database), "");
  EXPECT_THROW(server.Query("SELECT nonsense", database), std::runtime_error);
}

}  // namespace
}  // namespace topgun::support
