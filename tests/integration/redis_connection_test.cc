// redis::Connection against a real Redis that dies, hangs, forgets its scripts or changes its role.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "redis_client.h"
#include "server_info.h"
#include "state/scripts.h"
#include "support/free_port.h"
#include "support/redis_server.h"

namespace topgun::redis {
namespace {

using namespace std::chrono_literals;

// One server for all tests, restarted by those that break it; and a connection that keeps a journal
// of everything it reports.
class RedisConnectionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new support::RedisServer(); }
  static void TearDownTestSuite() { delete server_; }
  void SetUp() override { server_->Start(); }

  ConnectionOptions Options() const { return {.address = server_->address(), .timeout = 20s}; }
  Connection::Events Journaling() {
    return {.connected = [this](const std::string&) { journal_.push_back("connected"); },
            .disconnected = [this](const Status&) { journal_.push_back("disconnected"); },
            .connect_failed =
                [this](const Status& reason) {
                  if (journal_.empty() || journal_.back() != "failed") journal_.push_back("failed");
                  last_failure_ = reason;
                }};
  }
  void Connect(ConnectionOptions options) {
    connection_ = std::make_unique<Connection>(io_, std::move(options), Journaling());
    connection_->Start();
    ASSERT_TRUE(RunUntil([this] { return connection_->connected(); }));
    journal_.clear();
  }
  Connection::Callback Note(const std::string& name) {
    return [this, name](const StatusOr<Reply>& reply) {
      journal_.push_back(name + " " + Render(reply));
      last_code_ = reply.status().code();
    };
  }
  bool RunUntil(const std::function<bool()>& condition) { return redis::RunUntil(io_, condition); }
  bool RunUntilNoted(size_t count) {
    return RunUntil([this, count] { return journal_.size() >= count; });
  }
  // What is ready now, without waiting for more.
  void Poll() {
    io_.restart();
    io_.poll();
  }

  static support::RedisServer* server_;
  boost::asio::io_context io_;
  std::unique_ptr<Connection> connection_;
  std::vector<std::string> journal_;
  Status last_failure_;
  StatusCode last_code_ = StatusCode::kOk;
};
support::RedisServer* RedisConnectionTest::server_ = nullptr;

using Journal = std::vector<std::string>;

TEST_F(RedisConnectionTest, AnswersPipelinedCommandsInOrder) {
  Connect(Options());
  std::vector<int64_t> counts;
  connection_->Send({"DEL", "count"}, nullptr);
  for (int i = 0; i < 20'000; ++i) {
    connection_->Send({"INCR", "count"}, [&counts](const StatusOr<Reply>& reply) {
      ASSERT_TRUE(reply.ok());
      counts.push_back(ReplyView(reply->get()).integer());
    });
  }
  EXPECT_GT(connection_->pending_bytes(), 20'000U);
  EXPECT_TRUE(counts.empty()) << "never inside Send()";
  ASSERT_TRUE(RunUntil([&counts] { return counts.size() == 20'000; }));
  for (size_t i = 0; i < counts.size(); ++i) ASSERT_EQ(counts[i], static_cast<int64_t>(i + 1));
  EXPECT_EQ(connection_->pending_bytes(), 0U);
}

TEST_F(RedisConnectionTest, NoticesThatTheServerChangedItsRun) {
  ConnectionOptions options = Options();
  options.run_check = 20ms;
  Connect(options);
  const std::string before = connection_->run();
  connection_->Send({"DEBUG", "CHANGE-REPL-ID"}, nullptr);  // as when its first replica comes
  ASSERT_TRUE(RunUntilNoted(2));
  EXPECT_EQ(journal_, (Journal{"disconnected", "connected"}));
  EXPECT_NE(connection_->run(), before);
}

TEST_F(RedisConnectionTest, CarriesLargeAndBinaryValues) {
  Connect(Options());
  const std::string large(9'000'000, '\0');
  connection_->Send({"SET", std::string_view("k\0\r\n", 4), large}, Note("set"));
  connection_->Send({"STRLEN", std::string_view("k\0\r\n", 4)}, Note("length"));
  std::string value;
  connection_->Send(
      {"GET", std::string_view("k\0\r\n", 4)},
      [&value](const StatusOr<Reply>& reply) { value = ReplyView(reply->get()).str(); });
  ASSERT_TRUE(RunUntil([&value] { return !value.empty(); }));
  EXPECT_EQ(value, large);
  EXPECT_EQ(journal_, (Journal{"set \"OK\"", "length 9000000"}));
}

TEST_F(RedisConnectionTest, ErrorRepliesBecomeStatuses) {
  Connect(Options());
  connection_->Send({"NONSENSE"}, Note("a"));
  connection_->Send({"GET", "absent"}, Note("b"));
  ASSERT_TRUE(RunUntilNoted(2));
  EXPECT_TRUE(journal_[0].starts_with("a INTERNAL: ERR unknown command")) << journal_[0];
  EXPECT_EQ(journal_[1], "b nil");
}

TEST(ErrorStatusTest, RetryableErrorsAreUnavailable) {
  for (const std::string_view text :
       {"LOADING Redis is loading the dataset in memory", "READONLY You can't write", "MOVED 1 a:1",
        "ASK 1 a:1", "TRYAGAIN", "CLUSTERDOWN Hash slot not served", "MASTERDOWN Link with MASTER",
        "OOM command not allowed", "MISCONF Errors writing to the AOF file"}) {
    EXPECT_EQ(ErrorStatus(text).code(), StatusCode::kUnavailable) << text;
    EXPECT_EQ(Message(ErrorStatus(text)), text);
  }
  EXPECT_EQ(ErrorStatus("NOSCRIPT No matching script").code(), StatusCode::kNotFound);
  EXPECT_EQ(ErrorStatus("ERR LOADING").code(), StatusCode::kInternal);
  EXPECT_EQ(ErrorStatus("WRONGTYPE Operation").code(), StatusCode::kInternal);
}

TEST_F(RedisConnectionTest, DisconnectFailsWhatIsPendingBeforeTheEvent) {
  Connect(Options());
  const std::string run = connection_->run();
  EXPECT_EQ(run.find('/'), 40U) << run;
  connection_->Send({"BLPOP", "nothing", "0"}, Note("blocked"));
  connection_->Send({"PING"}, [this](const StatusOr<Reply>& reply) {
    journal_.push_back("behind " + std::string(reply.ok() ? "ok" : "failed"));
    EXPECT_FALSE(connection_->connected());
    EXPECT_EQ(connection_->run(), "");
    connection_->Send({"PING"}, Note("from a callback"));
    EXPECT_EQ(journal_.back(), "behind failed") << "never inside Send()";
  });
  Poll();
  server_->Stop(SIGKILL);
  ASSERT_TRUE(RunUntilNoted(4));
  EXPECT_TRUE(journal_[0].starts_with("blocked UNAVAILABLE")) << journal_[0];
  EXPECT_EQ(journal_[1], "behind failed");
  EXPECT_EQ(journal_[2], "disconnected");
  EXPECT_EQ(journal_[3], "from a callback UNAVAILABLE: not connected to Redis");
  EXPECT_EQ(connection_->pending_bytes(), 0U);
}

TEST_F(RedisConnectionTest, ReconnectsAndSeesAnotherRun) {
  Connect(Options());
  const std::string run = connection_->run();
  server_->Stop(SIGKILL);
  ASSERT_TRUE(RunUntilNoted(2));
  EXPECT_EQ(journal_, (Journal{"disconnected", "failed"}));
  server_->Start();
  ASSERT_TRUE(RunUntil([this] { return connection_->connected(); }));
  EXPECT_EQ(journal_.back(), "connected");
  EXPECT_NE(connection_->run(), run);
  connection_->Send({"PING"}, Note("ping"));
  ASSERT_TRUE(RunUntilNoted(4));
  EXPECT_EQ(journal_.back(), "ping \"PONG\"");
}

TEST_F(RedisConnectionTest, SilenceBreaksTheConnection) {
  ConnectionOptions options = Options();
  options.timeout = 200ms;
  Connect(options);
  server_->Pause();
  connection_->Send({"PING"}, Note("ping"));
  ASSERT_TRUE(RunUntilNoted(3));
  EXPECT_EQ(journal_,
            (Journal{"ping UNAVAILABLE: Redis did not reply in time", "disconnected", "failed"}))
      << "connecting has the time-out as well";
  server_->Resume();
  ASSERT_TRUE(RunUntil([this] { return connection_->connected(); }));
}

TEST_F(RedisConnectionTest, BlockingCommandsMayBeSilentForLonger) {
  ConnectionOptions options = Options();
  options.timeout = 200ms;
  Connect(options);
  const std::vector<std::string_view> pop = {"BLPOP", "nothing", "0.7"};
  connection_->SendBlocking(pop, 20s, Note("pop"));
  connection_->Send({"PING"}, Note("ping"));
  ASSERT_TRUE(RunUntilNoted(2));
  EXPECT_EQ(journal_, (Journal{"pop nil", "ping \"PONG\""}));

  // Behind it the usual time-out counts again.
  connection_->SendBlocking(pop, 60s, Note("pop"));
  connection_->Send({"BLPOP", "nothing", "0"}, Note("silent"));
  ASSERT_TRUE(RunUntilNoted(5));
  EXPECT_EQ(journal_[2], "pop nil");
  EXPECT_TRUE(journal_[3].starts_with("silent UNAVAILABLE")) << journal_[3];
  EXPECT_EQ(journal_[4], "disconnected");
}

TEST_F(RedisConnectionTest, ATransactionAnswersWithAllReplies) {
  Connect(Options());
  Transaction transaction;
  transaction.Add({"SET", "t", "1"});
  transaction.Add({"INCR", "t"});
  connection_->Transact(std::move(transaction), [this](const StatusOr<Reply>& reply) {
    ASSERT_TRUE(reply.ok()) << reply.status();
    const ReplyView replies(reply->get());
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0].str(), "OK");
    EXPECT_EQ(replies[1].integer(), 2);
    journal_.push_back("done");
  });
  connection_->Send({"GET", "t"}, Note("after"));
  ASSERT_TRUE(RunUntilNoted(2));
  EXPECT_EQ(journal_.front(), "done");
}

TEST_F(RedisConnectionTest, ATransactionIsDroppedWhenAWatchedKeyWasTouched) {
  Connect(Options());
  connection_->Send({"WATCH", "w"}, nullptr);
  connection_->Send({"SET", "w", "touched"}, nullptr);
  Transaction transaction;
  transaction.Add({"SET", "w", "transaction"});
  connection_->Transact(std::move(transaction), [this](const StatusOr<Reply>& reply) {
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_TRUE(ReplyView(reply->get()).is_nil());
    journal_.push_back("done");
  });
  connection_->Send({"GET", "w"}, [this](const StatusOr<Reply>& reply) {
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(ReplyView(reply->get()).str(), "touched");
    journal_.push_back("read");
  });
  ASSERT_TRUE(RunUntilNoted(2));
}

TEST_F(RedisConnectionTest, ATransactionTellsWhatWasRefused) {
  Connect(Options());
  Transaction transaction;
  transaction.Add({"SET", "r", "1"});
  transaction.Add({"NOSUCHCOMMAND"});
  connection_->Transact(std::move(transaction), [this](const StatusOr<Reply>& reply) {
    EXPECT_EQ(reply.status().code(), StatusCode::kInternal);
    EXPECT_NE(Message(reply.status()).find("NOSUCHCOMMAND"), std::string::npos);
    journal_.push_back("done");
  });
  connection_->Send({"EXISTS", "r"}, [this](const StatusOr<Reply>& reply) {
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(ReplyView(reply->get()).integer(), 0);
    journal_.push_back("read");
  });
  ASSERT_TRUE(RunUntilNoted(2));
}

TEST_F(RedisConnectionTest, LimitsTheBytesInFlight) {
  ConnectionOptions options = Options();
  options.pending_bytes_max = 10'000;
  Connect(options);
  const std::string value(6'000, 'x');
  connection_->Send({"SET", "k", value}, Note("a"));
  connection_->Send({"SET", "k", value}, Note("b"));
  connection_->Send({"PING"}, Note("c"));
  ASSERT_TRUE(RunUntilNoted(3));
  EXPECT_EQ(journal_, (Journal{"b RESOURCE_EXHAUSTED: too many bytes wait for Redis", "a \"OK\"",
                               "c \"PONG\""}));
  connection_->Send({"SET", "k", value}, Note("d"));
  ASSERT_TRUE(RunUntilNoted(4));
  EXPECT_EQ(journal_.back(), "d \"OK\"");
}

TEST_F(RedisConnectionTest, LoadsAScriptThatTheServerDoesNotKnow) {
  Connect(Options());
  connection_->Send({"SCRIPT", "FLUSH"}, nullptr);
  const std::vector<std::string_view> args = {"u", "l", "map", "token"};
  connection_->Eval(state::HydrateBeginScript(), 2, args, Note("a"));
  connection_->Eval(state::HydrateBeginScript(), 2, args, Note("b"));
  ASSERT_TRUE(RunUntilNoted(2));
  connection_->Eval(state::HydrateBeginScript(), 2, args, Note("c"));
  ASSERT_TRUE(RunUntilNoted(3));
  EXPECT_EQ(journal_, (Journal{"a [0]", "b [0]", "c [0]"}));
  EXPECT_EQ(connection_->pending_bytes(), 0U);
}

TEST_F(RedisConnectionTest, RepeatsAScriptOnlyOnce) {
  Connect(Options());
  const state::Script wrong = {"wrong", "return 1", std::string(40, '0')};
  connection_->Eval(wrong, 0, {}, Note("wrong digest"));
  const state::Script broken = {"broken", "return (", std::string(40, '1')};
  connection_->Eval(broken, 0, {}, Note("no Lua"));
  ASSERT_TRUE(RunUntilNoted(2));
  EXPECT_TRUE(journal_[0].starts_with("wrong digest NOT_FOUND: NOSCRIPT")) << journal_[0];
  EXPECT_TRUE(journal_[1].starts_with("no Lua NOT_FOUND: NOSCRIPT")) << journal_[1];
}

TEST_F(RedisConnectionTest, CloseFailsWhatIsPendingAndNothingComesAfter) {
  Connect(Options());
  connection_->Send({"PING"}, Note("a"));
  connection_->Close();
  EXPECT_EQ(journal_, (Journal{"a UNAVAILABLE: the Redis connection is closed"}));
  connection_->Send({"PING"}, Note("b"));
  EXPECT_EQ(journal_.size(), 2U) << "fails before Send() returns";
  io_.restart();
  io_.run();  // ends: no timer and no socket is left
  EXPECT_EQ(journal_.size(), 2U);
}

TEST_F(RedisConnectionTest, CloseReachesCommandsThatWereRefused) {
  connection_ = std::make_unique<Connection>(io_, Options(), Journaling());
  connection_->Send({"PING"}, Note("a"));
  connection_->Send({"PING"}, Note("b"));
  connection_ = nullptr;
  EXPECT_EQ(journal_, (Journal{"a UNAVAILABLE: not connected to Redis",
                               "b UNAVAILABLE: not connected to Redis"}));
  io_.run();
  EXPECT_EQ(journal_.size(), 2U);
}

TEST_F(RedisConnectionTest, CallbacksMayDestroyTheConnection) {
  Connect(Options());
  connection_->Send({"PING"}, [this](const StatusOr<Reply>&) { connection_ = nullptr; });
  connection_->Send({"PING"}, Note("behind a reply"));
  ASSERT_TRUE(RunUntilNoted(1));
  EXPECT_TRUE(journal_[0].starts_with("behind a reply UNAVAILABLE"));

  Connect(Options());
  connection_->Send({"BLPOP", "nothing", "0"},
                    [this](const StatusOr<Reply>&) { connection_ = nullptr; });
  connection_->Send({"PING"}, Note("behind a failure"));
  Poll();
  server_->Restart(SIGKILL);
  ASSERT_TRUE(RunUntilNoted(1));
  EXPECT_TRUE(journal_[0].starts_with("behind a failure UNAVAILABLE"));
  io_.restart();
  io_.run();
  EXPECT_EQ(journal_.size(), 1U) << "no event after destruction";
}

TEST_F(RedisConnectionTest, EventsMayDestroyTheConnection) {
  const auto destroy = [this](const auto&) { connection_ = nullptr; };
  connection_ = std::make_unique<Connection>(io_, Options(), Connection::Events{destroy, {}, {}});
  connection_->Start();
  io_.run();
  EXPECT_EQ(connection_, nullptr);

  connection_ = std::make_unique<Connection>(io_, Options(), Connection::Events{{}, destroy, {}});
  connection_->Start();
  ASSERT_TRUE(RunUntil([this] { return connection_->connected(); }));
  server_->Stop(SIGKILL);
  io_.restart();
  io_.run();
  EXPECT_EQ(connection_, nullptr);

  connection_ = std::make_unique<Connection>(io_, Options(), Connection::Events{{}, {}, destroy});
  connection_->Start();
  io_.restart();
  io_.run();
  EXPECT_EQ(connection_, nullptr);
}

TEST_F(RedisConnectionTest, WaitsForAServerThatComesLater) {
  server_->Stop();
  connection_ = std::make_unique<Connection>(io_, Options(), Journaling());
  connection_->Start();
  ASSERT_TRUE(RunUntilNoted(1));
  server_->Start();
  ASSERT_TRUE(RunUntilNoted(2));
  EXPECT_EQ(journal_, (Journal{"failed", "connected"}));
}

TEST_F(RedisConnectionTest, BadAddressesFailEveryAttempt) {
  for (const std::string& address :
       {std::string(), std::string("redis"), std::string("host:"), std::string(":1"),
        std::string("unix:"), "unix:/" + std::string(200, 'x')}) {
    journal_.clear();
    connection_ =
        std::make_unique<Connection>(io_, ConnectionOptions{.address = address}, Journaling());
    connection_->Start();
    EXPECT_TRUE(journal_.empty());
    ASSERT_TRUE(RunUntilNoted(1));
    EXPECT_EQ(last_failure_.code(), StatusCode::kInvalidArgument) << address;
  }
}

TEST_F(RedisConnectionTest, Authenticates) {
  const support::RedisServer guarded({"--requirepass", "secret"});
  ConnectionOptions options = Options();
  options.address = guarded.address();
  options.security.password = "wrong";
  connection_ = std::make_unique<Connection>(io_, options, Journaling());
  connection_->Start();
  ASSERT_TRUE(RunUntilNoted(1));
  EXPECT_EQ(journal_[0], "failed");
  EXPECT_TRUE(Message(last_failure_).starts_with("AUTH: WRONGPASS")) << ToString(last_failure_);
  options.security.password = "secret";
  Connect(options);
}

TEST_F(RedisConnectionTest, ConnectsOverTcp) {
  const std::string port = std::to_string(support::FreePort());
  const support::RedisServer server({"--port", port, "--bind", "127.0.0.1"});
  ConnectionOptions options = Options();
  options.address = "127.0.0.1:" + port;
  options.client_name = "over-tcp";
  Connect(options);
  connection_->Send({"CLIENT", "GETNAME"}, Note("name"));
  ASSERT_TRUE(RunUntilNoted(1));
  EXPECT_EQ(journal_[0], "name \"over-tcp\"");
}

TEST_F(RedisConnectionTest, ADemotedServerIsLeftUntilItIsPromoted) {
  support::RedisServer server;
  ConnectionOptions options = Options();
  options.address = server.address();
  Connect(options);
  const std::string run = connection_->run();
  connection_->Send({"REPLICAOF", "127.0.0.1", "1"}, Note("demote"));
  connection_->Send({"SET", "k", "v"}, Note("set"));
  ASSERT_TRUE(RunUntilNoted(4));
  EXPECT_EQ(journal_[0], "demote \"OK\"");
  EXPECT_TRUE(journal_[1].starts_with("set UNAVAILABLE: READONLY")) << journal_[1];
  EXPECT_EQ(journal_[2], "disconnected");
  EXPECT_EQ(journal_[3], "failed");
  EXPECT_EQ(Message(last_failure_), "the server is a replica");
  support::RunCommand({"redis-cli", "-s", server.socket_path(), "REPLICAOF", "NO", "ONE"}, {});
  ASSERT_TRUE(RunUntil([this] { return connection_->connected(); }));
  EXPECT_NE(connection_->run(), run) << "a promotion begins another history";
}

TEST(ServerInfoTest, ReadsTheRunOfAReadyMaster) {
  const std::string head = "# Server\r\nredis_version:7\r\nrun_id:abc\r\n";
  const std::string ready =
      head + "loading:0\r\nrole:master\r\nmaster_replid:def\r\nmaster_replid2:0\r\n";
  EXPECT_EQ(RunOfServer(ready).value(), "abc/def");
  for (const std::string& info :
       {std::string(), head, head + "loading:1\r\nrole:master\r\nmaster_replid:def\r\n",
        head + "loading:0\r\nrole:slave\r\nmaster_replid:def\r\n",
        head + "loading:0\r\nrole:master\r\nmaster_replid2:def\r\n"}) {
    EXPECT_EQ(RunOfServer(info).status().code(), StatusCode::kUnavailable) << info;
  }
}

}  // namespace
}  // namespace topgun::redis
