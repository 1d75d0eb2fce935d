// Write concern REPLICATED over a real primary and a real replica: RedisReplicas alone, and
// topgun-sync as a process.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include <optional>

#include "metrics/registry.h"
#include "redis_client.h"
#include "store/shard_replicas.h"
#include "support/redis_server.h"
#include "sync_process.h"

namespace topgun::sync {
namespace {

constexpr uint32_t kLong = 15'000;  // ms: less than the patience of a test, more than it may take

std::vector<std::string> OnPort(uint16_t port) {
  return {"--port", std::to_string(port), "--bind", "127.0.0.1"};
}

// A primary and one replica that is in step with it. Connections come later: a primary changes its
// replication id, and so its run, when its first replica comes.
class ReplicasTest : public testing::Test {
 protected:
  void SetUp() override {
    redis::RedisClient early(primary_.address());
    const auto info = [&] { return redis::Render(early.Send({"INFO", "replication"})); };
    EXPECT_TRUE(support::WaitUntil([&] {
      return info().find("state=online") != std::string::npos;
    })) << info();
    client_ = std::make_unique<redis::RedisClient>(primary_.address());
  }

  const uint16_t port_ = FreePort();
  support::RedisServer primary_{OnPort(port_)};
  support::RedisServer replica_{{"--replicaof", "127.0.0.1", std::to_string(port_)}};
  std::unique_ptr<redis::RedisClient> client_;
};

class RedisReplicasTest : public ReplicasTest {
 protected:
  void Start(ReplicaOptions options = {}) {
    redis::ConnectionOptions connection;
    connection.address = primary_.address();
    replicas_ = std::make_unique<RedisReplicas>(io_, connection, options, probe_);
    replicas_->Start();
  }
  using Answer = std::optional<bool>;
  void Confirm(Answer& answer, uint32_t timeout_ms, const std::string& run = {}) {
    replicas_->Confirm(run.empty() ? client_->run() : run, "tg:{0}:fence", timeout_ms,
                       [&answer](bool confirmed) { answer = confirmed; });
  }
  bool Await(const Answer& answer, bool expected) {
    return redis::RunUntil(io_, [&] { return answer.has_value(); }) && *answer == expected;
  }

  boost::asio::io_context io_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  std::unique_ptr<RedisReplicas> replicas_;
};

TEST_F(RedisReplicasTest, ConfirmsWhatTheReplicaHas) {
  Start();
  for (int i = 0; i < 3; ++i) {
    Answer answer;
    Confirm(answer, kLong);
    EXPECT_TRUE(Await(answer, true));
  }
}

TEST_F(RedisReplicasTest, AReplicaThatSaysNothingIsWaitedForOnlySoLong) {
  Start();
  replica_.Pause();
  Answer patient;
  Answer brief;
  Confirm(patient, kLong);
  Confirm(brief, 100);
  EXPECT_TRUE(Await(brief, false));
  EXPECT_FALSE(patient.has_value());
  replica_.Resume();
  EXPECT_TRUE(Await(patient, true)) << "later rounds go on for those that have time left";
}

TEST_F(RedisReplicasTest, TooFewReplicasAreNoConfirmation) {
  Start({.replicas = 2});
  Answer answer;
  Confirm(answer, 100);
  EXPECT_TRUE(Await(answer, false));
}

TEST_F(RedisReplicasTest, BeyondItsLimitTheAnswerIsNoAtOnce) {
  Start({.replicas = 1, .waiters_max = 1});
  replica_.Pause();
  Answer first;
  Answer second;
  Confirm(first, kLong);
  Confirm(second, kLong);
  EXPECT_TRUE(Await(second, false));
  EXPECT_FALSE(first.has_value());
  replica_.Resume();
  EXPECT_TRUE(Await(first, true));
}

TEST_F(RedisReplicasTest, AnotherRunAndARefusedWriteAreNoConfirmation) {
  Start();
  Answer other;
  Confirm(other, kLong, "run/replication");
  EXPECT_TRUE(Await(other, false));
  ASSERT_TRUE(client_->Send({"CONFIG", "SET", "min-replicas-to-write", "2"}).ok());
  Answer refused;
  Confirm(refused, kLong);
  EXPECT_TRUE(Await(refused, false)) << "WAIT alone would have confirmed an older write";
  ASSERT_TRUE(client_->Send({"CONFIG", "SET", "min-replicas-to-write", "0"}).ok());
  Answer answer;
  Confirm(answer, kLong);
  EXPECT_TRUE(Await(answer, true));
}

TEST_F(RedisReplicasTest, ARestartedPrimaryConfirmsNothingOfItsPast) {
  Start();
  Answer warm;
  Confirm(warm, kLong);
  ASSERT_TRUE(Await(warm, true));
  replica_.Pause();
  Answer answer;
  Confirm(answer, kLong);
  primary_.Restart(SIGKILL);
  replica_.Resume();
  EXPECT_TRUE(Await(answer, false));
}

TEST_F(RedisReplicasTest, EveryShardAsksThePrimaryThatHasIt) {
  const support::RedisServer alone;
  redis::Client here(io_, {.topology = {.addresses = {primary_.address()}}}, {});
  redis::Client there(io_, {.topology = {.addresses = {alone.address()}}}, {});
  redis::Client nowhere(io_, {.topology = {.addresses = {alone.address()}}}, {});
  redis::Route& replicated = here.AddRoute("a");
  redis::Route& lone = there.AddRoute("b");
  redis::Route& unknown = nowhere.AddRoute("c");
  ShardReplicas replicas(io_, {}, {}, probe_);
  Replicas& first = replicas.AddShard(replicated, "tg:{a}:fence");
  Replicas& second = replicas.AddShard(lone, "tg:{b}:fence");
  Replicas& third = replicas.AddShard(unknown, "tg:{c}:fence");
  here.Start();
  there.Start();
  ASSERT_TRUE(redis::RunUntil(io_, [&] { return here.connected() && there.connected(); }));
  Answer yes;
  Answer no;
  Answer lost;
  first.Confirm(replicated.run(), kLong, [&](bool confirmed) { yes = confirmed; });
  second.Confirm(lone.run(), 100, [&](bool confirmed) { no = confirmed; });
  third.Confirm("run", kLong, [&](bool confirmed) { lost = confirmed; });
  EXPECT_TRUE(Await(lost, false)) << "nobody is known to have it";
  EXPECT_TRUE(Await(yes, true));
  EXPECT_TRUE(Await(no, false)) << "it has no replica";
}

// ---- The process ----

class ReplicatedPartsTest : public ReplicasTest {
 protected:
  static v1::ApplyPart Asking(uint64_t id, const std::string& key, uint32_t replicate_ms) {
    v1::ApplyPart part = PartOf("m", 0, {{crdt::v1::OP_KIND_PUT, key, "", "\xc3"}});
    part.set_part_id(id);
    part.set_replicate_ms(replicate_ms);
    return part;
  }

  void SetUp() override {
    ReplicasTest::SetUp();
    process_ = std::make_unique<SyncProcess>(primary_.address(), "null", 1,
                                             std::vector<std::string>{"--redis-replicas", "1"});
    stream_ = std::make_unique<ApplyStream>(process_->stub());
  }

  std::unique_ptr<SyncProcess> process_;
  std::unique_ptr<ApplyStream> stream_;
};

TEST_F(ReplicatedPartsTest, ALiveReplicaConfirmsEvenWhatChangedNothing) {
  for (uint64_t id = 1; id <= 3; ++id) {
    stream_->Send(Asking(id, "k", kLong));
    const v1::PartResult result = stream_->Next();
    EXPECT_EQ(result.code(), 0);
    EXPECT_TRUE(result.replicated()) << process_->Log();
  }
}

TEST_F(ReplicatedPartsTest, OrdinaryPartsOfTheShardPassThoseThatWait) {
  stream_->Send(Asking(1, "warm", 0));
  EXPECT_FALSE(stream_->Next().replicated());
  replica_.Pause();
  stream_->Send(Asking(2, "waits", kLong));
  for (uint64_t id = 3; id < 20; ++id) {
    stream_->Send(Asking(id, "passes", 0));
    const v1::PartResult result = stream_->Next();
    EXPECT_EQ(result.part_id(), id);
    EXPECT_EQ(result.code(), 0);
  }
  replica_.Resume();
  const v1::PartResult result = stream_->Next();
  EXPECT_EQ(result.part_id(), 2U);
  EXPECT_TRUE(result.replicated());
}

TEST_F(ReplicatedPartsTest, AStoppedReplicaLeavesThePartAppliedAndUnconfirmed) {
  replica_.Pause();
  stream_->Send(Asking(1, "k", 200));
  const v1::PartResult result = stream_->Next();
  EXPECT_EQ(result.code(), 0);
  EXPECT_EQ(result.outcomes(), std::string(1, crdt::v1::OUTCOME_APPLIED));
  EXPECT_FALSE(result.replicated());
}

TEST(FirstReplica, ProcessesThatConnectedBeforeAndAfterItCameAgreeOnTheRun) {
  const uint16_t port = FreePort();
  support::RedisServer primary(OnPort(port));
  const auto write = [](ApplyStream& stream) {
    stream.Send(PartOf("m", 0, {{crdt::v1::OP_KIND_PUT, "k", "", "\xc3"}}));
    return stream.Next().position().incarnation();
  };
  SyncProcess before(primary.address(), "null", 1);
  ApplyStream to_before(before.stub());
  const uint64_t first = write(to_before);
  support::RedisServer replica({"--replicaof", "127.0.0.1", std::to_string(port)});
  redis::RedisClient client(primary.address());
  ASSERT_TRUE(support::WaitUntil([&] {
    return redis::Render(client.Send({"INFO", "replication"})).find("state=online") !=
           std::string::npos;
  }));
  SyncProcess after(primary.address(), "null", 1);
  ApplyStream to_after(after.stub());
  // Until they agree, each opens the shard for the run that it knows.
  EXPECT_TRUE(support::WaitUntil([&] {
    const uint64_t incarnation = write(to_before);
    return write(to_after) == incarnation && write(to_before) == incarnation && incarnation > first;
  }));
}

}  // namespace
}  // namespace topgun::sync
