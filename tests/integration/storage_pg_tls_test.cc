// pg::Connection against a Postgres that demands TLS and a password: who is trusted, what an error
// says, and a password that is replaced.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "pg/connection.h"
#include "pg/conninfo.h"
#include "secure_postgres.h"
#include "support/wait.h"

namespace topgun::pg {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;
using namespace std::chrono_literals;

class StoragePgTlsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    authority_ = new support::CertificateAuthority();
    postgres_ = new SecurePostgres(*authority_);
  }
  static void TearDownTestSuite() {
    delete postgres_;
    delete authority_;
  }

  void Open(ConnectionOptions options) {
    failure_ = OkStatus();
    connection_ = std::make_unique<Connection>(
        io_, std::move(options),
        Connection::Events{.connected = nullptr,
                           .disconnected = [this](const Status& why) { failure_ = why; }});
    connection_->Start();
    RunUntil([this] { return connection_->connected() || !failure_.ok(); });
  }
  AssertionResult Connects(const std::string& conninfo, const std::string& password = "secret") {
    Open({.conninfo = conninfo, .password = password});
    return connection_->connected() ? AssertionSuccess() : AssertionFailure() << ToString(failure_);
  }
  AssertionResult FailsBecause(const std::string& reason, const std::string& conninfo) {
    Open({.conninfo = conninfo, .password = "secret"});
    if (connection_->connected()) return AssertionFailure() << "it is connected";
    const bool named = Message(failure_).find(reason) != std::string_view::npos;
    return named ? AssertionSuccess() : AssertionFailure() << ToString(failure_);
  }
  bool RunUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + support::kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io_.restart();
      io_.run_one_for(50ms);
    }
    return true;
  }
  // The first column of the first row.
  std::string Ask(const std::string& sql) {
    std::string answer;
    connection_->Execute(
        {{.sql = sql, .params = {}}}, [&answer](const StatusOr<std::vector<Result>>& results) {
          answer =
              results.ok() ? std::string(results->front().Bytes(0, 0)) : ToString(results.status());
        });
    RunUntil([&answer] { return !answer.empty(); });
    return answer;
  }

  static support::CertificateAuthority* authority_;
  static SecurePostgres* postgres_;
  boost::asio::io_context io_;
  std::unique_ptr<Connection> connection_;
  Status failure_;
};
support::CertificateAuthority* StoragePgTlsTest::authority_ = nullptr;
SecurePostgres* StoragePgTlsTest::postgres_ = nullptr;

TEST_F(StoragePgTlsTest, StatementsPassOverTls) {
  ASSERT_TRUE(Connects(postgres_->SecureDsn("postgres")));
  EXPECT_EQ(Ask("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "TLSv1.3");
  EXPECT_EQ(Ask("SELECT repeat('x', 5000000)"), std::string(5'000'000, 'x'));
}

TEST_F(StoragePgTlsTest, PlainTextIsRefusedByTheServer) {
  EXPECT_TRUE(FailsBecause("no encryption", postgres_->Dsn("postgres") + " sslmode=disable"));
}

TEST_F(StoragePgTlsTest, AServerThatCannotProveItselfIsRefused) {
  const support::CertificateAuthority stranger;
  const std::string verify = postgres_->Dsn("postgres") + " sslmode=verify-full sslrootcert=";
  EXPECT_TRUE(FailsBecause("certificate verify failed", verify + stranger.file()));
  EXPECT_TRUE(FailsBecause("/nowhere/ca.crt", verify + "/nowhere/ca.crt"));
  const std::string other_name = " host=db.example.org";
  EXPECT_TRUE(FailsBecause("does not match host name \"db.example.org\"",
                           verify + authority_->file() + other_name));
}

TEST_F(StoragePgTlsTest, AReplacedPasswordIsUsedAtTheNextConnect) {
  const support::TempDir dir;
  const std::string file = dir / "password";
  std::ofstream(file) << "secret\n";
  Open({.conninfo = postgres_->SecureDsn("postgres"), .password_file = file});
  ASSERT_TRUE(connection_->connected()) << ToString(failure_);
  std::ofstream(file) << "another\n";
  postgres_->server().Query("ALTER USER topgun PASSWORD 'another'");
  postgres_->server().Query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'topgun'");
  ASSERT_TRUE(RunUntil([this] { return !failure_.ok(); }));
  EXPECT_TRUE(RunUntil([this] { return connection_->connected(); })) << ToString(failure_);
  postgres_->server().Query("ALTER USER topgun PASSWORD 'secret'");
}

TEST_F(StoragePgTlsTest, ConnectionStringsThatWouldLeaveInPlainTextAreRefused) {
  const auto message = [](const std::string& conninfo,
                          const std::vector<std::string>& allowed = {}) {
    return std::string(Message(CheckConninfo(conninfo, allowed)));
  };
  for (const char* local : {"dbname=topgun", "host=/run/postgresql", "host=127.0.0.1 port=6432",
                            "postgresql://topgun@localhost/topgun", "host=/run/a,127.0.0.1"}) {
    EXPECT_EQ(message(local), "") << local;
  }
  for (const char* encrypted : {"host=db sslmode=verify-full", "host=db sslmode=verify-ca",
                                "postgresql://topgun@db/topgun?sslmode=require"}) {
    EXPECT_EQ(message(encrypted), "") << encrypted;
  }
  const std::string way_out =
      " is not on this machine alone, and postgres has no TLS; set sslmode=verify-full and "
      "sslrootcert=FILE in the connection string, or allow plain text with "
      "--allow-plaintext=postgres";
  EXPECT_EQ(message("host=db"), "--postgres: db" + way_out);
  EXPECT_EQ(message("host=localhost,db sslmode=prefer"), "--postgres: db" + way_out);
  EXPECT_EQ(message("host=localhost hostaddr=10.0.0.1"), "--postgres: 10.0.0.1" + way_out);
  EXPECT_EQ(message("host=db", {"postgres"}), "");
  EXPECT_EQ(message("host=db password=x sslmode=require"),
            "the password of postgres belongs into postgres-password");
}

}  // namespace
}  // namespace topgun::pg
