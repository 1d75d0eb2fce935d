// RedisShardStore and Shard on a real Redis: commits, racing replicas, a restart, and hydration.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "domain/retention_sweeper.h"
#include "domain/shard.h"
#include "owner/null_owner.h"
#include "redis_client.h"
#include "store/redis_shard_store.h"
#include "support/redis_server.h"

namespace topgun::sync {
namespace {

using Task = std::function<void()>;

class LoopScheduler final : public Scheduler {
 public:
  explicit LoopScheduler(boost::asio::io_context& io) : io_(io) {}
  void After(int64_t delay_ms, Task task) override {
    auto timer =
        std::make_shared<boost::asio::steady_timer>(io_, std::chrono::milliseconds(delay_ms));
    timer->async_wait([timer, task = std::move(task)](const auto& error) {
      if (!error) task();
    });
  }
  void Post(Task task) override { boost::asio::post(io_, std::move(task)); }

 private:
  boost::asio::io_context& io_;
};

// Opens shards like NullOwner, and has rows to load like the storage service.
class OwnerWithRows final : public ShardOwner {
 public:
  OwnerWithRows(redis::Route& route, const WallClock& wall) : opener_({}, wall) {
    opener_.AddShard(0, route, state::ShardKeys("tg", 0, 1));
  }
  void OpenShard(uint32_t shard, std::string_view run, StatusCallback callback) override {
    opener_.OpenShard(shard, run, std::move(callback));
  }
  void LoadMap(uint32_t, std::string_view, const state::Position&, Chunk chunk,
               StatusCallback done) override {
    chunk(rows, [done] { done(OkStatus()); });
  }
  std::vector<LoadedCell> rows;

 private:
  NullOwner opener_;
};

// One replica of a cluster with a single shard.
struct Replica {
  Replica(boost::asio::io_context& io, const std::string& address, Probe& probe)
      : scheduler(io),
        client(io, {.topology = {.addresses = {address}}}, {}),
        route(client.AddRoute(state::ShardKeys("tg", 0, 1).meta(),
                              {.connected = [this] { shard.OnConnected(); },
                               .disconnected = [this](const Status&) { shard.OnDisconnected(); }})),
        owner(route, wall),
        store(route, state::ShardKeys("tg", 0, 1), 0),
        shard(0, {}, {store, owner, scheduler, clock, wall, probe}) {
    client.Start();
  }
  ~Replica() { client.Close(); }

  SystemClock wall;
  crdt::HybridLogicalClock clock{"sync-test", wall};
  LoopScheduler scheduler;
  redis::Client client;
  redis::Route& route;
  OwnerWithRows owner;
  RedisShardStore store;
  Shard shard;
};

class SyncStoreTest : public testing::Test {
 protected:
  // Runs the loop until the condition holds.
  bool RunUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + support::kPatience;
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      io_.run_one_for(std::chrono::milliseconds(100));
      io_.restart();
    }
    return condition();
  }

  WriteResult Write(Replica& replica, std::string_view key, int64_t millis,
                    std::string_view value) {
    std::optional<WriteResult> result;
    WritePart part;
    part.maps = {"m"};
    part.origins = {""};
    WriteOp op;
    op.key = key;
    op.kind = value.empty() ? OpKind::kRemove : OpKind::kPut;
    op.value = value;
    op.timestamp = {millis, 0, "client"};
    part.ops = {op};
    part.done = [&](WriteResult done) { result = std::move(done); };
    replica.shard.Submit(std::move(part));
    EXPECT_TRUE(RunUntil([&] { return result.has_value(); }));
    return result.value_or(WriteResult{Unavailable("no answer"), {}, {}});
  }

  std::string Stored(Replica& replica, std::string_view key) {
    std::optional<std::string> value;
    const std::string field(key);
    replica.store.ReadCells({{state::CellKind::kLww, "m", field}}, [&](auto cells) {
      state::CellView view;
      const bool found = cells.ok() && (*cells)[0] && state::DecodeCell(*(*cells)[0], &view);
      value = found ? std::string(view.value) : "<absent>";
    });
    EXPECT_TRUE(RunUntil([&] { return value.has_value(); }));
    return value.value_or("<no answer>");
  }

  static Outcome First(const WriteResult& result) {
    return result.outcomes.empty() ? Outcome::kNone : static_cast<Outcome>(result.outcomes[0]);
  }

  support::RedisServer server_;
  boost::asio::io_context io_;
  metrics::Registry registry_;
  Probe probe_{registry_};
};

TEST_F(SyncStoreTest, CommitsAreContiguousAndRacersSeeEachOther) {
  Replica a(io_, server_.address(), probe_);
  Replica b(io_, server_.address(), probe_);
  const WriteResult first = Write(a, "k", 1000, "one");
  const WriteResult second = Write(b, "k", 2000, "two");
  const WriteResult stale = Write(a, "k", 1500, "between");
  EXPECT_EQ(First(first), Outcome::kApplied);
  EXPECT_EQ(First(second), Outcome::kApplied);
  EXPECT_EQ(second.position.n, first.position.n + 1);
  EXPECT_EQ(First(stale), Outcome::kStale) << "a's cache must not decide";
  EXPECT_EQ(stale.position, second.position);
  EXPECT_EQ(Stored(b, "k"), "two");
}

TEST_F(SyncStoreTest, ARestartedRedisOpensUnderAHigherIncarnation) {
  Replica a(io_, server_.address(), probe_);
  const WriteResult before = Write(a, "k", 1000, "one");
  server_.Restart();
  const WriteResult after = Write(a, "k", 2000, "two");
  EXPECT_GT(after.position.incarnation, before.position.incarnation);
  EXPECT_EQ(Stored(a, "k"), "two");
}

// Each process has its own order of fields: going on with a cursor of another one misses some.
TEST_F(SyncStoreTest, AScanThatBeganBeforeARestartStartsOver) {
  Replica a(io_, server_.address(), probe_);
  Write(a, "k", 1000, "one");
  std::vector<std::string> fields;
  for (int i = 0; i < 3000; ++i) fields.push_back(std::to_string(i));
  const std::string cells = state::ShardKeys("tg", 0, 1).Cells(state::CellKind::kLww, "m");
  std::vector<std::string_view> args = {"HSET", cells};
  for (const std::string& field : fields) args.insert(args.end(), {field, "x"});
  a.route.Send(args, nullptr);
  std::optional<StatusOr<ScanChunk>> page;
  const auto scan = [&](const std::string& cursor) {
    page.reset();
    a.store.Scan(state::CellKind::kLww, "m", cursor,
                 [&](StatusOr<ScanChunk> chunk) { page = std::move(chunk); });
    EXPECT_TRUE(RunUntil([&] { return page.has_value(); }));
    return page->ok() ? (*page)->cursor : ToString(page->status());
  };
  const std::string before = scan("0");
  ASSERT_NE(before, "0");
  EXPECT_NE(scan(before), before) << "it goes on where it was";
  const std::string run = a.route.run();
  server_.Restart();
  ASSERT_TRUE(RunUntil([&] { return a.route.connected() && a.route.run() != run; }));
  EXPECT_EQ(scan(before), "UNAVAILABLE: this scan began at another Redis");
  EXPECT_NE(scan("0"), "0");
}

TEST_F(SyncStoreTest, AnUnloadedMapIsMergedWithItsRowsBeforeTheWrite) {
  Replica a(io_, server_.address(), probe_);
  Replica b(io_, server_.address(), probe_);
  Write(a, "other", 1000, "x");
  Write(b, "other", 1001, "y");
  const state::ShardKeys keys("tg", 0, 1);
  const std::string map_id = state::MapId(state::CellKind::kLww, "m");
  std::optional<bool> marked;
  a.route.Send({"HSET", keys.unloaded(), map_id, "0-0"},
               [&](const auto& reply) { marked = reply.ok(); });
  ASSERT_TRUE(RunUntil([&] { return marked.has_value(); }));
  state::CellView newer;
  newer.version = {1, 1};
  newer.timestamp = {5000, 0, "z"};
  newer.value = "persisted";
  a.owner.rows = b.owner.rows = {{"k", "", state::EncodeCell(newer)}};
  EXPECT_EQ(First(Write(a, "k", 2000, "older")), Outcome::kStale);
  EXPECT_EQ(First(Write(b, "k", 2001, "older")), Outcome::kStale);
  EXPECT_EQ(First(Write(b, "k", 6000, "newest")), Outcome::kApplied);
  EXPECT_EQ(Stored(a, "k"), "newest");
}

TEST_F(SyncStoreTest, ARemovalThatIsOldEnoughLeavesRedisAndIsRemembered) {
  Replica a(io_, server_.address(), probe_);
  Replica b(io_, server_.address(), probe_);
  const RetentionLimits limits{.retention_ms = 300};
  RetentionSweeper first({&a.shard}, limits, a.scheduler, a.wall, probe_);
  RetentionSweeper second({&b.shard}, limits, b.scheduler, b.wall, probe_);
  const int64_t now_ms = a.wall.NowMs();
  EXPECT_EQ(First(Write(a, "k", now_ms, "one")), Outcome::kApplied);
  EXPECT_EQ(First(Write(a, "k", now_ms + 1, "")), Outcome::kApplied);
  EXPECT_EQ(First(Write(b, "kept", now_ms, "x")), Outcome::kApplied);
  first.Start();
  second.Start();
  ASSERT_TRUE(RunUntil([&] { return Stored(a, "k") == "<absent>"; }));
  for (Replica* replica : {&a, &b}) {
    EXPECT_EQ(First(Write(*replica, "k", now_ms, "one")), Outcome::kRejected);
  }
  server_.Restart();
  EXPECT_EQ(First(Write(a, "k", now_ms, "one")), Outcome::kRejected);
  EXPECT_EQ(Stored(b, "kept"), "x");
  EXPECT_EQ(First(Write(b, "k", now_ms + 2, "two")), Outcome::kApplied);
}

}  // namespace
}  // namespace topgun::sync
