// WatchedShard on a real Redis: which commits go as transactions, and who decides when the shard
// has been touched.
#include "store/watched_shard.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "metrics/registry.h"
#include "owner/null_owner.h"
#include "redis_client.h"
#include "store/redis_shard_store.h"
#include "support/redis_server.h"

namespace topgun::sync {
namespace {

using state::CommitCode;
using state::Position;

constexpr uint64_t kLimit = 1'000'000;

class WatchedShardTest : public testing::Test {
 protected:
  void SetUp() override {
    client_.Start();
    ASSERT_TRUE(RunUntil([this] { return route_.connected(); }));
    opener_.AddShard(0, route_, keys_);
    std::optional<Status> opened;
    opener_.OpenShard(0, route_.run(), [&](const Status& status) { opened = status; });
    ASSERT_TRUE(RunUntil([&] { return opened.has_value(); }));
    tail_ = Meta().tail;
  }
  void TearDown() override {
    store_.Close();
    client_.Close();
  }

  bool RunUntil(const std::function<bool()>& condition) { return redis::RunUntil(io_, condition); }

  // The answer to whatever gives one through a callback.
  template <typename T, typename Ask>
  StatusOr<T> Answer(Ask ask) {
    std::optional<StatusOr<T>> answer;
    ask([&](StatusOr<T> given) { answer = std::move(given); });
    EXPECT_TRUE(RunUntil([&] { return answer.has_value(); }));
    return answer ? std::move(*answer) : StatusOr<T>(Internal("no answer"));
  }

  ShardMeta Meta() {
    return Answer<ShardMeta>([this](auto done) { store_.ReadMeta(std::move(done)); }).value();
  }

  static CommitRequest RequestAt(const Position& tail, std::string_view value) {
    CommitRequest request;
    request.tail = tail;
    request.entry = value;
    request.map_ids = {state::MapId(state::CellKind::kLww, "m"),
                       state::MapId(state::CellKind::kLww, "read")};
    request.cells = {{state::CellKind::kLww, "m", {"key", value}}};
    return request;
  }

  StatusOr<CommitReply> Commit(RedisShardStore& store, const Position& tail,
                               std::string_view value) {
    return Answer<CommitReply>(
        [&](auto done) { store.Commit(RequestAt(tail, value), std::move(done)); });
  }
  // At the tail, which moves.
  void CommitNext(std::string_view value) {
    const StatusOr<CommitReply> reply = Commit(store_, tail_, value);
    ASSERT_TRUE(reply.ok()) << reply.status();
    ASSERT_EQ(reply->code, CommitCode::kCommitted);
    ASSERT_EQ(reply->n, tail_.n + 1);
    ++tail_.n;
  }
  // A slow machine may take longer between two commits than a look is good for.
  bool CommitUntilTransactions(double count) {
    const auto deadline = std::chrono::steady_clock::now() + support::kPatience;
    while (Transactions("committed") < count && std::chrono::steady_clock::now() < deadline) {
      CommitNext("busy");
    }
    return Transactions("committed") >= count;
  }
  double Transactions(const std::string& result) {
    const std::string name = "sync_commit_transactions_total{result=\"" + result + "\"} ";
    const std::string text = registry_.Render();
    const size_t at = text.find(name);
    EXPECT_NE(at, std::string::npos);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size(), 20));
  }

  std::string Run(const std::vector<std::string_view>& command) {
    const auto reply = Answer<redis::Reply>([&](auto done) { route_.Send(command, done); });
    EXPECT_TRUE(reply.ok()) << reply.status();
    const redis::ReplyView view(reply.ok() ? reply->get() : nullptr);
    return reply.ok() ? std::string(view.str()) : std::string();
  }

  support::RedisServer server_;
  boost::asio::io_context io_;
  SystemClock wall_;
  metrics::Registry registry_{"test"};
  Probe probe_{registry_};
  const state::ShardKeys keys_{"tg", 0, 1};
  redis::Client client_{io_, {.topology = {.addresses = {server_.address()}}}, {}};
  redis::Route& route_ = client_.AddRoute(keys_.meta());
  NullOwner opener_{{}, wall_};
  RedisShardStore store_{
      route_, keys_, kLimit,
      std::make_unique<WatchedShard>(io_, redis::ConnectionOptions{}, route_, keys_, probe_)};
  RedisShardStore racer_{route_, keys_, kLimit};  // another replica
  Position tail_;
};

TEST_F(WatchedShardTest, CommitsThatFollowEachOtherNeedNoScript) {
  ASSERT_TRUE(CommitUntilTransactions(3));
  const std::string cells = keys_.Cells(state::CellKind::kLww, "m");
  EXPECT_EQ(Run({"HGET", cells, "key"}), "busy");
  const ShardMeta meta = Meta();
  EXPECT_EQ(meta.tail, tail_);
  const auto feed = Answer<std::vector<FeedRecord>>([&](auto done) {
    store_.ReadFeed({tail_.incarnation, tail_.n - 1}, 10, std::move(done));
  });
  ASSERT_TRUE(feed.ok());
  ASSERT_EQ(feed->size(), 1U);
  EXPECT_EQ(feed->front().position, tail_);
  EXPECT_EQ(feed->front().entry, "busy");
  const std::string map_id = state::MapId(state::CellKind::kLww, "m");
  EXPECT_EQ(Run({"HGET", keys_.maps(), map_id}), std::to_string(tail_.n));
}

// The bytes of the feed are counted alike, or the backlog would be wrong.
TEST_F(WatchedShardTest, CountsTheBytesThatTheScriptCounts) {
  const ShardMeta before = Meta();
  ASSERT_TRUE(CommitUntilTransactions(5));
  const ShardMeta after = Meta();
  const uint64_t commits = after.tail.n - before.tail.n;
  EXPECT_EQ(after.bytes - before.bytes, commits * std::string_view("busy").size());
}

TEST_F(WatchedShardTest, AConflictIsReportedWithTheNewTail) {
  ASSERT_TRUE(CommitUntilTransactions(1));
  const StatusOr<CommitReply> other = Commit(racer_, tail_, "other");
  ASSERT_TRUE(other.ok());
  ASSERT_EQ(other->code, CommitCode::kCommitted);
  const StatusOr<CommitReply> lost = Commit(store_, tail_, "ours");
  ASSERT_TRUE(lost.ok()) << lost.status();
  EXPECT_EQ(lost->code, CommitCode::kConflict);
  EXPECT_EQ(lost->n, other->n);
  EXPECT_EQ(Run({"HGET", keys_.Cells(state::CellKind::kLww, "m"), "key"}), "other");
}

TEST_F(WatchedShardTest, ATouchWithoutAConflictIsLeftToTheScript) {
  ASSERT_TRUE(CommitUntilTransactions(1));
  const auto deadline = std::chrono::steady_clock::now() + support::kPatience;
  while (Transactions("touched") == 0 && std::chrono::steady_clock::now() < deadline) {
    CommitNext("busy");
    // As the storage service does when it has flushed.
    Run({"HSET", keys_.meta(), "pinc", std::to_string(tail_.incarnation), "pn", "1"});
    CommitNext("after the touch");
  }
  EXPECT_GE(Transactions("touched"), 1);
  EXPECT_EQ(Run({"HGET", keys_.Cells(state::CellKind::kLww, "m"), "key"}), "after the touch");
  EXPECT_EQ(Meta().persisted, (Position{tail_.incarnation, 1}));
}

TEST_F(WatchedShardTest, MapsThatBecomeUnloadedRefuseTheCommit) {
  ASSERT_TRUE(CommitUntilTransactions(1));
  const std::string read = state::MapId(state::CellKind::kLww, "read");
  Run({"HSET", keys_.unloaded(), read, "0-0"});
  for (int attempt = 0; attempt < 3; ++attempt) {
    const StatusOr<CommitReply> refused = Commit(store_, tail_, "x");
    ASSERT_TRUE(refused.ok()) << refused.status();
    EXPECT_EQ(refused->code, CommitCode::kUnloaded);
    EXPECT_EQ(refused->unloaded, std::vector<std::string>{read});
  }
}

TEST_F(WatchedShardTest, TheLimitOfTheBacklogHolds) {
  ASSERT_TRUE(CommitUntilTransactions(1));
  const std::string big(kLimit + 1, 'b');
  CommitNext(big);
  const StatusOr<CommitReply> refused = Commit(store_, tail_, "x");
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->code, CommitCode::kOverloaded);
}

TEST_F(WatchedShardTest, AnotherRunClosesTheShard) {
  ASSERT_TRUE(CommitUntilTransactions(1));
  Run({"HSET", keys_.meta(), "run", "another"});
  for (int attempt = 0; attempt < 3; ++attempt) {
    const StatusOr<CommitReply> refused = Commit(store_, tail_, "x");
    ASSERT_TRUE(refused.ok()) << refused.status();
    EXPECT_EQ(refused->code, CommitCode::kClosed);
  }
}

TEST_F(WatchedShardTest, WithoutTheRightToWatchTheScriptCommits) {
  Run({"ACL", "SETUSER", "default", "-watch"});
  for (int i = 0; i < 20; ++i) CommitNext("scripted");
  EXPECT_EQ(Transactions("committed"), 0);
}

TEST_F(WatchedShardTest, ALostConnectionAnswersTheCommitInFlight) {
  ASSERT_TRUE(CommitUntilTransactions(1));
  std::optional<StatusOr<CommitReply>> answer;
  store_.Commit(RequestAt(tail_, "x"),
                [&](StatusOr<CommitReply> given) { answer = std::move(given); });
  server_.Stop(SIGKILL);
  ASSERT_TRUE(RunUntil([&] { return answer.has_value(); }));
  // Redis may have been fast enough.
  if (!answer->ok()) {
    EXPECT_EQ(answer->status().code(), StatusCode::kUnavailable);
  }
}

TEST_F(WatchedShardTest, ClosingAnswersTheCommitInFlight) {
  ASSERT_TRUE(CommitUntilTransactions(1));
  std::optional<StatusOr<CommitReply>> answer;
  store_.Commit(RequestAt(tail_, "x"),
                [&](StatusOr<CommitReply> given) { answer = std::move(given); });
  client_.Close();
  store_.Close();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace topgun::sync
