// redis::Connection over TLS and as an ACL user, against a real Redis: who is trusted, who is not,
// and what happens when certificates and passwords are replaced.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "redis/security_settings.h"
#include "redis_client.h"
#include "secure_redis.h"

namespace topgun::redis {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;
using namespace std::chrono_literals;

class RedisSecurityTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::signal(SIGPIPE, SIG_IGN);
    authority_ = new support::CertificateAuthority();
    redis_ = new SecureRedis(*authority_);
  }
  static void TearDownTestSuite() {
    delete redis_;
    delete authority_;
  }

  void Open(const std::string& address, const Security& security) {
    failure_ = OkStatus();
    connection_ = std::make_unique<Connection>(
        io_, ConnectionOptions{.address = address, .security = security, .timeout = 20s},
        Connection::Events{.connected = nullptr,
                           .disconnected = [this](const Status& reason) { disconnected_ = reason; },
                           .connect_failed = [this](const Status& reason) { failure_ = reason; }});
    connection_->Start();
    RunUntil(io_, [this] { return connection_->connected() || !failure_.ok(); });
  }
  AssertionResult Connects(const std::string& address, const Security& security) {
    Open(address, security);
    return connection_->connected() ? AssertionSuccess() : AssertionFailure() << ToString(failure_);
  }
  AssertionResult FailsBecause(const std::string& reason, const Security& security) {
    Open(redis_->address(), security);
    if (connection_->connected()) return AssertionFailure() << "it is connected";
    const bool named = Message(failure_).find(reason) != std::string_view::npos;
    return named ? AssertionSuccess() : AssertionFailure() << ToString(failure_);
  }
  std::string Ask(std::initializer_list<std::string_view> args) {
    std::string answer;
    connection_->Send(args, [&answer](const StatusOr<Reply>& reply) { answer = Render(reply); });
    RunUntil(io_, [&answer] { return !answer.empty(); });
    return answer;
  }

  static support::CertificateAuthority* authority_;
  static SecureRedis* redis_;
  boost::asio::io_context io_;
  std::unique_ptr<Connection> connection_;
  Status failure_;
  Status disconnected_;
};
support::CertificateAuthority* RedisSecurityTest::authority_ = nullptr;
SecureRedis* RedisSecurityTest::redis_ = nullptr;

TEST_F(RedisSecurityTest, CommandsAndLargeRepliesPass) {
  ASSERT_TRUE(Connects(redis_->address(), redis_->security()));
  const std::string large(9'000'000, '\xff');
  EXPECT_EQ(Ask({"SET", "tg:large", large}), "\"OK\"");
  EXPECT_EQ(Ask({"GET", "tg:large"}), "\"" + large + "\"");
  int64_t answered = 0;
  for (int i = 0; i < 20'000; ++i) {
    connection_->Send({"HGET", "tg:none", "field"},
                      [&answered](const StatusOr<Reply>& reply) { answered += reply.ok(); });
  }
  EXPECT_TRUE(RunUntil(io_, [&answered] { return answered == 20'000; })) << answered;
  Ask({"DEL", "tg:large"});
}

TEST_F(RedisSecurityTest, TheUserMayDoNothingElse) {
  ASSERT_TRUE(Connects(redis_->address(), redis_->security()));
  EXPECT_NE(Ask({"GET", "other:key"}).find("NOPERM"), std::string::npos);
  EXPECT_NE(Ask({"FLUSHALL"}).find("NOPERM"), std::string::npos);
  EXPECT_NE(Ask({"CONFIG", "GET", "dir"}).find("NOPERM"), std::string::npos);
  EXPECT_NE(Ask({"KEYS", "*"}).find("NOPERM"), std::string::npos);
  redis_->Admin({"ACL", "LOG", "RESET"});
}

TEST_F(RedisSecurityTest, AServerThatCannotProveItsNameIsRefused) {
  Security other_name = redis_->security();
  other_name.tls.server_name = "redis.example.org";
  EXPECT_TRUE(FailsBecause("expected to be 'redis.example.org'", other_name));
  EXPECT_TRUE(FailsBecause("hostname mismatch", other_name));
  Security given_name = redis_->security();
  given_name.tls.server_name = "localhost";  // although the address is 127.0.0.1
  EXPECT_TRUE(Connects(redis_->address(), given_name));
}

TEST_F(RedisSecurityTest, AServerOfAnotherAuthorityIsRefused) {
  const support::CertificateAuthority stranger;
  Security security = redis_->security();
  security.tls.files.ca = stranger.file();
  EXPECT_TRUE(FailsBecause("certificate verify failed", security));
  security.tls.files.ca = "";  // the authorities of the system
  EXPECT_TRUE(FailsBecause("certificate verify failed", security));
  security.tls.files.ca = "/nowhere/ca.crt";
  EXPECT_TRUE(FailsBecause("/nowhere/ca.crt", security));
}

TEST_F(RedisSecurityTest, PlainTextAndTlsDoNotMix) {
  Security plain = redis_->security();
  plain.tls = {};
  Open(redis_->address(), plain);
  EXPECT_FALSE(connection_->connected());
  EXPECT_FALSE(failure_.ok());
}

TEST_F(RedisSecurityTest, AWrongLoginSaysSo) {
  Security security = redis_->security();
  security.password_file = "";
  security.password = "wrong";
  EXPECT_TRUE(FailsBecause("AUTH: WRONGPASS", security));
}

TEST_F(RedisSecurityTest, AReplacedPasswordIsUsedAtTheNextConnect) {
  ASSERT_TRUE(Connects(redis_->address(), redis_->security()));
  redis_->SetPassword("another secret");
  EXPECT_EQ(Ask({"HLEN", "tg:none"}), "0") << "who is logged in stays";
  redis_->Admin({"CLIENT", "KILL", "USER", "topgun"});
  ASSERT_TRUE(RunUntil(io_, [this] { return !disconnected_.ok(); }));
  EXPECT_TRUE(RunUntil(io_, [this] { return connection_->connected(); })) << ToString(failure_);
  redis_->SetPassword("secret");
}

TEST_F(RedisSecurityTest, AClientCertificateIsShownWhenAskedFor) {
  SecureRedis strict(*authority_, "yes");
  Security security = strict.security();
  EXPECT_FALSE(Connects(strict.address(), security));
  const auto pair = authority_->Issue("client", {"topgun-sync"});
  security.tls.files.certificate = pair.certificate;
  security.tls.files.key = pair.key;
  EXPECT_TRUE(Connects(strict.address(), security));
  const support::CertificateAuthority stranger;
  const auto foreign = stranger.Issue("client", {"topgun-sync"});
  security.tls.files.certificate = foreign.certificate;
  security.tls.files.key = foreign.key;
  EXPECT_FALSE(Connects(strict.address(), security));
}

// Another authority takes over, on both sides, while the connection lives.
TEST_F(RedisSecurityTest, ReplacedCertificatesAreUsedAtTheNextConnect) {
  SecureRedis rotated(*authority_);
  Security security = rotated.security();
  const support::TempDir dir;
  security.tls.files.ca = dir / "ca.crt";
  std::filesystem::copy_file(authority_->file(), security.tls.files.ca);
  ASSERT_TRUE(Connects(rotated.address(), security));

  const support::CertificateAuthority next;
  const auto pair = next.Issue("redis", {"127.0.0.1"});
  rotated.Admin({"CONFIG", "SET", "tls-cert-file", pair.certificate, "tls-key-file", pair.key,
                 "tls-ca-cert-file", next.file()});
  EXPECT_EQ(Ask({"HLEN", "tg:none"}), "0");
  rotated.Admin({"CLIENT", "KILL", "USER", "topgun"});
  ASSERT_TRUE(RunUntil(io_, [this] { return !failure_.ok(); }));
  EXPECT_NE(Message(failure_).find("certificate verify failed"), std::string_view::npos)
      << ToString(failure_);
  std::filesystem::copy_file(next.file(), security.tls.files.ca,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(RunUntil(io_, [this] { return connection_->connected(); })) << ToString(failure_);
}

TEST_F(RedisSecurityTest, SettingsThatDoNotFitAreRefused) {
  const auto message = [](const Security& security, const std::string& address) {
    return std::string(Message(CheckSecurity(security, address, {})));
  };
  Security security = redis_->security();
  EXPECT_EQ(message(security, redis_->address()), "");
  EXPECT_EQ(message({}, "redis:6379"),
            "--redis: redis:6379 is not on this machine alone, and redis has no TLS; set "
            "--redis-tls, or allow plain text with --allow-plaintext=redis");
  EXPECT_EQ(message(security, "unix:/run/redis.sock"),
            "--redis-tls: unix:/run/redis.sock is a Unix socket, which needs no TLS");
  security.tls.files.key = "/some/key";
  EXPECT_EQ(message(security, redis_->address()),
            "--redis-tls-certificate-file and --redis-tls-key-file: set both or none");
  security.tls.files.key = "";
  security.tls.files.ca = "/nowhere/ca.crt";
  EXPECT_NE(message(security, redis_->address()).find("/nowhere/ca.crt"), std::string::npos);
  security.tls.enabled = false;
  EXPECT_EQ(message(security, redis_->address()),
            "--redis-tls-...: has no effect without --redis-tls");
}

}  // namespace
}  // namespace topgun::redis
