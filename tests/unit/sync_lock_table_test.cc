// The lines of those who wait for locks, over a Redis in memory.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "domain/lock_table.h"
#include "domain/shard_locks.h"
#include "support/manual_clock.h"
#include "sync_fakes.h"

namespace topgun::sync {
namespace {

// One shard's locks. Answers are posted, or kept until they are let go.
class FakeLockStore final : public LockStore {
 public:
  explicit FakeLockStore(ManualScheduler& scheduler)
      : store_(redis, scheduler), scheduler_(scheduler) {
    redis.Open(1);
  }

  void AwaitOpen(uint32_t /*shard*/, std::function<void()> task) override {
    if (open) return task();
    awaiting.push_back(std::move(task));
  }
  void Acquire(uint32_t /*shard*/, const LockAsk& ask, Callback<LockAnswer> callback) override {
    asked.emplace_back(ask.owner);
    if (!failure.ok()) {
      auto fail = [callback = std::move(callback), status = failure] { callback(status); };
      return scheduler_.Post(std::move(fail));
    }
    store_.AcquireLock(1, ask, [this, callback = std::move(callback)](StatusOr<LockReply> reply) {
      auto answer = [callback, reply] {
        callback(LockAnswer{.token = reply->token, .left_ms = reply->left_ms});
      };
      kept ? kept->push_back(std::move(answer)) : answer();
    });
  }
  void Release(uint32_t /*shard*/, const LockHold& hold, Callback<bool> callback) override {
    ++releases;
    if (!overtake) return store_.ReleaseLock(hold, std::move(callback));
    scheduler_.Post([this, name = std::string(hold.name), token = hold.token, callback] {
      store_.ReleaseLock({.name = name, .token = token}, callback);
    });
  }

  void Open() {
    open = true;
    const auto tasks = std::exchange(awaiting, {});
    for (const auto& task : tasks) task();
  }
  void Keep() { kept.emplace(); }
  void LetGo() {
    const auto answers = *std::exchange(kept, std::nullopt);
    for (const auto& answer : answers) answer();
  }

  FakeRedis redis;
  std::vector<std::string> asked;  // owners
  Status failure;
  std::optional<std::deque<std::function<void()>>> kept;
  std::deque<std::function<void()>> awaiting;
  bool open = true;
  bool overtake = false;  // what comes after a release overtakes it
  int releases = 0;

 private:
  FakeStore store_;
  ManualScheduler& scheduler_;
};

class LockTableTest : public testing::Test {
 protected:
  explicit LockTableTest(LockLimits limits = {})
      : table_(limits, store_, scheduler_, probe_.locks()) {}

  struct Wish {
    std::string name = "jobs";
    int64_t ttl_ms = 10'000;
    int64_t wait_ms = 15'000;
    uint64_t held_token = 0;
  };
  uint64_t Join(const std::string& owner, Wish wish) {
    return table_.Join({.shard = 0,
                        .name = wish.name,
                        .owner = owner,
                        .ttl_ms = wish.ttl_ms,
                        .wait_ms = wish.wait_ms,
                        .held_token = wish.held_token},
                       [this, owner](const StatusOr<std::optional<uint64_t>>& grant) {
                         told_.append(owner).append(!grant.ok() ? ":" + ToString(grant.status())
                                                    : grant->has_value()
                                                        ? ":" + std::to_string(**grant)
                                                        : ":nothing");
                         told_.push_back(' ');
                       });
  }
  uint64_t Join(const std::string& owner) { return Join(owner, Wish()); }
  // What was told since the last call.
  std::string Told() {
    scheduler_.RunAll();
    return std::exchange(told_, {});
  }
  bool Release(uint64_t token, const std::string& owner = "") {
    std::optional<bool> released;
    table_.Release(0, {.name = "jobs", .token = token, .owner = owner},
                   [&released](const StatusOr<bool>& answer) { released = *answer; });
    scheduler_.RunAll();
    return released.value_or(false);
  }
  void ExpectNothingLeft() {
    EXPECT_EQ(table_.waiters(), 0U);
    EXPECT_EQ(table_.lines(), 0U);
  }
  double Count(const std::string& metric) {
    const std::string text = registry_.Render();
    const size_t at = text.find("\n" + metric + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + metric.size() + 2));
  }

  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  FakeLockStore store_{scheduler_};
  LockTable table_;
  std::string told_;
};

TEST_F(LockTableTest, AFreeLockIsGrantedAtOnce) {
  Join("a");
  EXPECT_EQ(told_, "") << "never inside the call";
  EXPECT_EQ(Told(), "a:1 ");
  ExpectNothingLeft();
}

TEST_F(LockTableTest, ReleasesGoToWhoeverHasWaitedLongest) {
  for (const char* owner : {"a", "b", "c", "d"}) Join(owner);
  EXPECT_EQ(Told(), "a:1 ");
  EXPECT_TRUE(Release(1));
  EXPECT_EQ(Told(), "b:2 ");
  EXPECT_FALSE(Release(1)) << "released already";
  EXPECT_EQ(Told(), "");
  EXPECT_TRUE(Release(2));
  EXPECT_EQ(Told(), "c:3 ");
  EXPECT_TRUE(Release(0, "c"));
  EXPECT_EQ(Told(), "d:4 ");
  ExpectNothingLeft();
}

TEST_F(LockTableTest, NamesDoNotWaitForEachOther) {
  Join("a", {.name = "x"});
  Join("b", {.name = "y"});
  Join("c", {.name = "x"});
  EXPECT_EQ(Told(), "a:1 b:2 ");
}

TEST_F(LockTableTest, TheNextOneComesWhenTheLeaseIsOver) {
  Join("a", {.ttl_ms = 300});
  Join("b");
  EXPECT_EQ(Told(), "a:1 ");
  scheduler_.Advance(299);
  EXPECT_EQ(Told(), "");
  const size_t asked = store_.asked.size();
  scheduler_.Advance(2);
  EXPECT_EQ(Told(), "b:2 ");
  EXPECT_EQ(store_.asked.size(), asked + 1) << "asked when the lease was over, not before";
}

// Another replica granted it and releases it: nobody tells this one.
TEST_F(LockTableTest, TheFirstInLineAsksEveryHalfSecond) {
  store_.redis.locks["jobs"] = {7, "elsewhere", 100'000};
  store_.redis.last_token = 7;
  Join("a");
  Join("b");
  scheduler_.Advance(1'600);
  EXPECT_EQ(store_.asked, (std::vector<std::string>{"a", "a", "a", "a"}));
  store_.redis.locks.clear();
  scheduler_.Advance(400);
  EXPECT_EQ(Told(), "a:8 ");
}

TEST_F(LockTableTest, WaitingEnds) {
  Join("a", {.ttl_ms = 100'000});
  Join("b", {.wait_ms = 700});
  Join("c", {.wait_ms = 600});
  EXPECT_EQ(Told(), "a:1 ");
  scheduler_.Advance(599);
  EXPECT_EQ(Told(), "");
  scheduler_.Advance(1);
  EXPECT_EQ(Told(), "c:nothing ");
  scheduler_.Advance(100);
  EXPECT_EQ(Told(), "b:nothing ");
  ExpectNothingLeft();
  EXPECT_EQ(Count("sync_lock_requests_total{result=\"expired\"}"), 2);
}

TEST_F(LockTableTest, NobodyWaitsLongerThanTheLimit) {
  Join("a", {.ttl_ms = 300'000});
  Join("b", {.wait_ms = 100'000'000});
  Told();
  scheduler_.Advance(299'000);
  EXPECT_EQ(table_.waiters(), 1U);
  store_.redis.locks["jobs"].until_ms = 1'000'000;
  scheduler_.Advance(6'000);
  EXPECT_EQ(Told(), "b:nothing ");
}

// His question is on its way, so he may have the lock already.
TEST_F(LockTableTest, WhoIsBeingAskedForIsNotSentAway) {
  store_.Keep();
  Join("a", {.wait_ms = 100});
  scheduler_.Advance(200);
  EXPECT_EQ(Told(), "");
  store_.LetGo();
  EXPECT_EQ(Told(), "a:1 ");
  store_.Keep();
  Join("b", {.wait_ms = 100});
  scheduler_.Advance(200);
  store_.LetGo();
  EXPECT_EQ(Told(), "b:nothing ");
  ExpectNothingLeft();
}

TEST_F(LockTableTest, WhoLeavesLosesHisPlace) {
  Join("a");
  const uint64_t b = Join("b");
  Join("c");
  EXPECT_EQ(Told(), "a:1 ");
  table_.Leave(b);
  table_.Leave(b);
  EXPECT_TRUE(Release(1));
  EXPECT_EQ(Told(), "c:2 ");
  ExpectNothingLeft();
  EXPECT_EQ(Count("sync_lock_requests_total{result=\"left\"}"), 1);
}

TEST_F(LockTableTest, AGrantForSomebodyWhoHasLeftIsTakenBack) {
  store_.Keep();
  const uint64_t a = Join("a");
  Join("b");
  scheduler_.RunAll();
  table_.Leave(a);
  store_.LetGo();
  EXPECT_EQ(Told(), "b:2 ") << "1 was granted to the one who had left";
  EXPECT_EQ(store_.releases, 1);
  EXPECT_EQ(Count("sync_lock_grants_taken_back_total"), 1);
}

TEST_F(LockTableTest, ALineWhoseOnlyWaiterLeftIsGone) {
  store_.Keep();
  const uint64_t a = Join("a");
  scheduler_.RunAll();
  table_.Leave(a);
  EXPECT_EQ(table_.lines(), 1U) << "its question is on its way";
  store_.LetGo();
  scheduler_.RunAll();
  ExpectNothingLeft();
  EXPECT_TRUE(store_.redis.locks.empty());
}

// A release while the first one's question is on its way: the answer may be older.
TEST_F(LockTableTest, AReleaseThatCrossesAQuestionIsNotMissed) {
  Join("a", {.ttl_ms = 100'000});
  EXPECT_EQ(Told(), "a:1 ");
  store_.Keep();
  Join("b");
  scheduler_.RunAll();
  EXPECT_TRUE(Release(1));
  store_.LetGo();
  EXPECT_EQ(Told(), "b:2 ") << "without waiting for the next half second";
}

TEST_F(LockTableTest, AReleaseThatIsOvertakenByItsQuestionIsNotMissed) {
  Join("a", {.ttl_ms = 100'000});
  Join("b");
  EXPECT_EQ(Told(), "a:1 ");
  store_.overtake = true;
  EXPECT_TRUE(Release(1));
  EXPECT_EQ(Told(), "b:2 ");
}

TEST_F(LockTableTest, AHolderRenewsWithoutStandingInLine) {
  Join("a", {.ttl_ms = 10'000});
  Join("b", {.wait_ms = 300'000});
  EXPECT_EQ(Told(), "a:1 ");
  scheduler_.Advance(5'000);
  Join("a", {.ttl_ms = 20'000, .held_token = 1});
  EXPECT_EQ(Told(), "a:1 ");
  scheduler_.Advance(19'999);
  EXPECT_EQ(Told(), "");
  scheduler_.Advance(500);
  EXPECT_EQ(Told(), "b:2 ");
  EXPECT_EQ(Count("sync_lock_requests_total{result=\"extended\"}"), 1);
}

TEST_F(LockTableTest, WhoRenewsTooLateStandsInLine) {
  Join("a", {.ttl_ms = 1'000});
  Join("b", {.ttl_ms = 100'000});
  Join("c");
  scheduler_.Advance(1'100);
  EXPECT_EQ(Told(), "a:1 b:2 ");
  Join("a", {.held_token = 1});
  Told();
  EXPECT_TRUE(Release(2));
  EXPECT_EQ(Told(), "c:3 ");
  EXPECT_TRUE(Release(3));
  EXPECT_EQ(Told(), "a:4 ");
}

TEST_F(LockTableTest, ClosedShardsAreWaitedFor) {
  store_.open = false;
  Join("a", {.wait_ms = 100});
  const uint64_t b = Join("b");
  Join("c");
  scheduler_.Advance(150);
  table_.Leave(b);
  EXPECT_EQ(Told(), "a:nothing ");
  EXPECT_TRUE(store_.asked.empty());
  store_.Open();
  EXPECT_EQ(Told(), "c:1 ") << "asked for whoever is first by then";
}

TEST_F(LockTableTest, ALineThatEmptiesWhileItsShardIsClosedIsForgotten) {
  store_.open = false;
  table_.Leave(Join("a"));
  Join("b", {.wait_ms = 100, .held_token = 1});
  scheduler_.Advance(200);
  EXPECT_EQ(Told(), "b:nothing ");
  store_.Open();
  scheduler_.RunAll();
  EXPECT_TRUE(store_.asked.empty());
  ExpectNothingLeft();
}

TEST_F(LockTableTest, RedisIsAskedAgainAfterAPauseWhenItCannotAnswer) {
  store_.failure = Unavailable("gone");
  Join("a");
  scheduler_.Advance(220);
  EXPECT_EQ(store_.asked.size(), 5U) << "every 50 ms";
  store_.failure = OkStatus();
  scheduler_.Advance(50);
  EXPECT_EQ(Told(), "a:1 ");
}

TEST_F(LockTableTest, OtherFailuresAreTold) {
  store_.failure = Internal("WRONGTYPE");
  Join("a");
  Join("b", {.held_token = 1});
  EXPECT_EQ(Told(), "a:INTERNAL: WRONGTYPE b:INTERNAL: WRONGTYPE ");
  ExpectNothingLeft();
  EXPECT_EQ(Count("sync_lock_requests_total{result=\"failed\"}"), 2);
}

class SmallLockTableTest : public LockTableTest {
 protected:
  SmallLockTableTest() : LockTableTest({.line_max = 3, .waiters_max = 5}) {}
};

TEST_F(SmallLockTableTest, LinesAndWaitersAreLimited) {
  store_.redis.locks["jobs"] = {1, "holder", 100'000};
  const std::string refused = ":RESOURCE_EXHAUSTED: too many wait for locks here ";
  for (const char* owner : {"a", "b", "c"}) Join(owner);
  EXPECT_EQ(Told(), "");
  Join("d");
  EXPECT_EQ(Told(), "d" + refused);
  store_.open = false;
  Join("e", {.name = "x"});
  Join("f", {.name = "y"});
  Join("g", {.name = "z"});
  EXPECT_EQ(Told(), "g" + refused);
  EXPECT_EQ(Count("sync_lock_requests_total{result=\"refused\"}"), 2);
  EXPECT_EQ(Count("sync_lock_waiters"), 5);
  scheduler_.Advance(20'000);
  EXPECT_EQ(table_.waiters(), 0U);
  EXPECT_EQ(Count("sync_lock_waiters"), 0);
}

// Callers who come and go while a shard is closed leave lines behind until it opens.
TEST_F(SmallLockTableTest, LinesOfThoseWhoHaveLeftCount) {
  store_.open = false;
  for (int i = 0; i < 5; ++i) table_.Leave(Join("a", {.name = "n" + std::to_string(i)}));
  EXPECT_EQ(table_.waiters(), 0U);
  Join("b", {.name = "another"});
  EXPECT_NE(Told().find("RESOURCE_EXHAUSTED"), std::string::npos);
  store_.Open();
  EXPECT_EQ(table_.lines(), 0U);
}

// --- over a shard ---

class ShardLocksTest : public testing::Test {
 protected:
  ShardLocksTest() {
    shard_.OnConnected();
    scheduler_.Advance(100);
  }

  void Join(const std::string& owner) {
    table_.Join({.name = "jobs", .owner = owner, .ttl_ms = 100'000, .wait_ms = 60'000},
                [this](const StatusOr<std::optional<uint64_t>>& grant) { grant_ = grant; });
  }

  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  support::ManualClock wall_{1'700'000'000'000};
  crdt::HybridLogicalClock clock_{"sync", wall_};
  FakeRedis redis_;
  FakeOwner owner_{redis_, scheduler_};
  FakeStore store_{redis_, scheduler_};
  Shard shard_{0, {}, {store_, owner_, scheduler_, clock_, wall_, probe_}};
  ShardLocks locks_{[this](uint32_t) -> Shard& { return shard_; }};
  LockTable table_{LockLimits(), locks_, scheduler_, probe_.locks()};
  StatusOr<std::optional<uint64_t>> grant_ = Unavailable("no answer yet");
};

TEST_F(ShardLocksTest, GrantsUnderTheIncarnationThatIsOpen) {
  Join("a");
  scheduler_.RunAll();
  ASSERT_TRUE(grant_.ok());
  EXPECT_EQ(*grant_, 1U);
}

// The script finds the shard closed before the shard knows.
TEST_F(ShardLocksTest, AShardThatTurnsOutToBeClosedIsOpenedAndAskedAgain) {
  redis_.meta.run.clear();
  Join("a");
  scheduler_.Advance(5'000);
  ASSERT_TRUE(grant_.ok()) << ToString(grant_.status());
  EXPECT_EQ(*grant_, 1U);
  EXPECT_EQ(redis_.meta.tail.incarnation, 2U);
}

TEST_F(ShardLocksTest, ARedisThatIsAwayIsWaitedFor) {
  shard_.OnDisconnected();
  store_.Disconnect();
  redis_.run = "run-2";
  Join("a");
  scheduler_.Advance(5'000);
  EXPECT_FALSE(grant_.ok());
  store_.Reconnect();
  shard_.OnConnected();
  scheduler_.Advance(5'000);
  EXPECT_TRUE(grant_.ok());
}

}  // namespace
}  // namespace topgun::sync
