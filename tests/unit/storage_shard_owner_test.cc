// The order of a shard's steps: what is flushed, opened and repaired when, over fakes of Redis and
// Postgres.
#include "shard/shard_owner.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "shard/feed_reader.h"
#include "state/feed_entry.h"
#include "storage_fakes.h"
#include "support/manual_clock.h"
#include "support/span_collector.h"

namespace topgun::storage {
namespace {

using namespace std::chrono_literals;

class ShardOwnerTest : public testing::Test {
 protected:
  ~ShardOwnerTest() override {
    if (owner_ == nullptr) return;
    owner_->Discard();
    EXPECT_TRUE(RunUntil([this] { return ended_; }));
  }

  void StartShard() {
    owner_ = std::make_shared<ShardOwner>(context_, 0);
    owner_->Start([this] { ended_ = true; });
  }
  // A new shard whose first entry, the marker 1-1, is persisted.
  void StartOpen() {
    StartShard();
    ASSERT_TRUE(RunUntil([this] { return owner_->open(); }));
    Give({1, 1}, state::EncodeMarker(1000, {0, 0}));
    ASSERT_TRUE(RunUntil([this] { return redis_.meta.persisted == (Position{1, 1}); }));
    journal_.clear();
  }
  bool RunUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io_.restart();
      io_.run_one_for(50ms);
    }
    return true;
  }

  // Commits to the fake Redis and hands the entry to the shard, as its reader would.
  void Feed(Position position, const std::string& key, const std::string& value) {
    redis_.meta.tail = position;
    redis_.meta.bytes += 100;
    Give(position, Entry(position, key, value));
  }
  void Give(Position position, const std::string& entry) {
    owner_->TakeEntries({{0, owner_->read_position()}, {{position, entry, redis_.meta.bytes}}});
  }
  static std::string Entry(Position position, const std::string& key, const std::string& value) {
    state::FeedEntryBuilder builder;
    const std::string cell = Cell(position, value);
    builder.Add({CellKind::kLww, 0, builder.MapIndex("m"), 0, key, "", cell});
    return builder.Build(1000);
  }
  static std::string Cell(Position version, const std::string& value) {
    state::CellView cell;
    cell.version = version;
    cell.timestamp = {1000, 0, "node"};
    cell.value = value;
    return state::EncodeCell(cell);
  }

  boost::asio::io_context io_;
  Journal journal_;
  FakeShardStore redis_{journal_};
  FakeCellStore postgres_{journal_};
  metrics::Registry registry_;
  Probe probe_{registry_};
  support::ManualClock clock_{1000};
  ShardContext context_{io_, redis_, postgres_, probe_, clock_, "me", {}};
  std::shared_ptr<ShardOwner> owner_;
  bool ended_ = false;
};

TEST_F(ShardOwnerTest, OpensANewShard) {
  StartShard();
  ASSERT_TRUE(RunUntil([this] { return owner_->open(); }));
  EXPECT_EQ(journal_, (Journal{"raise 1", "open 1-1"}));
}

TEST_F(ShardOwnerTest, LeavesAnOpenShardAsItIs) {
  postgres_.row = {4, {4, 20}, 0, "me"};
  redis_.meta = {"run-1", {4, 25}, 0, {}, 0};
  StartShard();
  ASSERT_TRUE(RunUntil([this] { return owner_->open(); }));
  EXPECT_EQ(journal_, Journal{});
  EXPECT_EQ(owner_->read_position(), (Position{4, 20}));
}

TEST_F(ShardOwnerTest, AnotherRunIsOpenedAboveBothWithFloors) {
  postgres_.row = {4, {4, 20}, 0, "me"};
  postgres_.maps_above = {state::MapId(CellKind::kLww, "m")};
  redis_.meta = {"run-0", {5, 15}, 0, {}, 0};
  StartShard();
  ASSERT_TRUE(RunUntil([this] { return owner_->open(); }));
  EXPECT_EQ(journal_, (Journal{"raise 6", "open 6-21 m>5-15"}));
}

TEST_F(ShardOwnerTest, ComparesAgainWhenTheTailMoved) {
  redis_.tail_moves = {{3, 9}};
  StartShard();
  ASSERT_TRUE(RunUntil([this] { return owner_->open(); }));
  EXPECT_EQ(journal_, (Journal{"raise 1", "open refused", "raise 4", "open 4-10"}));
}

TEST_F(ShardOwnerTest, FlushesWhatItReadBeforeItOpensAgain) {
  StartOpen();
  Feed({1, 2}, "k", "v");
  redis_.run_now = "run-2";  // restarted: knows nothing of 1-2
  redis_.meta.tail = {1, 1};
  owner_->Retry();
  ASSERT_TRUE(RunUntil([this] { return journal_.size() >= 3; }));
  EXPECT_EQ(journal_, (Journal{"flush 1-1..1-2", "raise 2", "open 2-3"}));
  EXPECT_EQ(postgres_.values["k"], "v");
}

TEST_F(ShardOwnerTest, ACommitWhoseAnswerWasLostIsNotRepeated) {
  StartOpen();
  postgres_.flush_failures = {Unavailable("connection lost")};
  postgres_.commit_before_failing = true;
  Feed({1, 2}, "k", "1");
  Feed({1, 3}, "k", "2");
  ASSERT_TRUE(RunUntil([this] { return redis_.meta.persisted == (Position{1, 3}); }));
  EXPECT_EQ(journal_, (Journal{"flush fails", "flush 1-1..1-3"}));
}

TEST_F(ShardOwnerTest, TracedCommitsHaveSpansOfTheirFlush) {
  const support::SpanCollector collector;
  tracing::Recorder spans(collector.options(), {.service = "topgun-storage", .instance = "a"},
                          registry_, support::SpanCollector::limits());
  spans.Start();
  Probe probe(registry_, nullptr, &spans);
  ShardContext context{io_, redis_, postgres_, probe, clock_, "me", {}};
  owner_ = std::make_shared<ShardOwner>(context, 0);
  owner_->Start([this] { ended_ = true; });
  ASSERT_TRUE(RunUntil([this] { return owner_->open(); }));
  Give({1, 1}, state::EncodeMarker(1000, {0, 0}));
  ASSERT_TRUE(RunUntil([this] { return redis_.meta.persisted == (Position{1, 1}); }));
  const auto traced = [](Position position, std::string_view parent) {
    state::FeedEntryBuilder builder;
    const std::string cell = Cell(position, "v");
    builder.Add({CellKind::kLww, 0, builder.MapIndex("m"), 0, "k", "", cell});
    builder.AddTrace({parent, ""});
    return builder.Build(1000);
  };
  Give({1, 2}, traced({1, 2}, "00-0af7651916cd43dd8448eb211c80319c-00000000000000a1-01"));
  Give({1, 3}, traced({1, 3}, "00-1af7651916cd43dd8448eb211c80319c-00000000000000b1-01"));
  Give({1, 4}, traced({1, 4}, "garbage"));
  ASSERT_TRUE(RunUntil([this] { return redis_.meta.persisted == (Position{1, 4}); }));

  const auto collected = collector.WaitFor(3);
  ASSERT_EQ(collected.size(), 3U);
  const auto flush = support::SpanCollector::Find(collected, "flush");
  EXPECT_EQ(flush.attributes.at("db.system"), "postgresql");
  for (const auto& span : collected) {
    if (span.name != "persist") continue;
    const bool first = span.trace == flush.trace;
    EXPECT_EQ(span.parent, first ? "00000000000000a1" : "00000000000000b1");
    if (first) {
      EXPECT_EQ(flush.parent, span.span);
    } else {
      EXPECT_EQ(span.links, std::vector<std::string>{flush.span});
      EXPECT_EQ(flush.links, std::vector<std::string>{span.span});
    }
  }
  owner_->Discard();
  ASSERT_TRUE(RunUntil([this] { return ended_; }));
  owner_.reset();  // before its probe
}

TEST_F(ShardOwnerTest, AFlushThatFailedIsRepeatedAsItWas) {
  StartOpen();
  postgres_.flush_failures = {Unavailable("away"), Unavailable("away")};
  Feed({1, 2}, "k", "1");
  ASSERT_TRUE(RunUntil([this] { return journal_.size() >= 1; }));
  Feed({1, 3}, "k", "2");
  ASSERT_TRUE(RunUntil([this] { return redis_.meta.persisted == (Position{1, 3}); }));
  EXPECT_EQ(journal_, (Journal{"flush fails", "flush fails", "flush 1-1..1-2", "flush 1-2..1-3"}));
  EXPECT_EQ(postgres_.values["k"], "2");
}

TEST_F(ShardOwnerTest, AFormerOwnerStops) {
  StartOpen();
  postgres_.row.owner = "other";
  Feed({1, 2}, "k", "v");
  ASSERT_TRUE(RunUntil([this] { return ended_; }));
  EXPECT_TRUE(postgres_.values.empty());
}

TEST_F(ShardOwnerTest, AGapIsRepairedByAScan) {
  StartOpen();
  redis_.cells[state::MapId(CellKind::kLww, "m")] = {{"old", Cell({1, 1}, "persisted long ago")},
                                                     {"lost", Cell({1, 2}, "missed")}};
  Feed({1, 4}, "k", "v");
  ASSERT_TRUE(RunUntil([this] { return redis_.meta.persisted == (Position{1, 4}); }));
  EXPECT_EQ(journal_, (Journal{"scan", "flush 1-1..1-4"}));
  EXPECT_EQ(postgres_.values, (std::map<std::string, std::string>{{"lost", "missed"}}));
  EXPECT_EQ(owner_->read_position(), (Position{1, 4}));
}

TEST_F(ShardOwnerTest, EntriesOfAnEarlierReadAreIgnored) {
  StartOpen();
  const std::string entry = state::EncodeMarker(1000, {1, 1});
  owner_->TakeEntries({{0, {0, 0}}, {{{2, 2}, entry, 0}}});
  EXPECT_EQ(owner_->read_position(), (Position{1, 1}));
}

TEST_F(ShardOwnerTest, DrainingFlushesAndEnds) {
  StartOpen();
  Feed({1, 2}, "k", "v");
  owner_->Drain();
  ASSERT_TRUE(RunUntil([this] { return ended_; }));
  EXPECT_EQ(postgres_.values["k"], "v");
  EXPECT_EQ(context_.unflushed_bytes, 0U);
}

TEST_F(ShardOwnerTest, WaitersForOpeningLearnOfFailures) {
  redis_.run_now.clear();
  StartShard();
  StatusOr<uint64_t> result = Unavailable("not yet");
  bool answered = false;
  auto ask = [&]() -> awaitable<void> {
    result = co_await owner_->EnsureOpen();
    answered = true;
  };
  boost::asio::co_spawn(io_, ask(), boost::asio::detached);
  ASSERT_TRUE(RunUntil([&] { return answered; }));
  EXPECT_EQ(result.status().code(), StatusCode::kUnavailable);

  redis_.run_now = "run-1";
  answered = false;
  boost::asio::co_spawn(io_, ask(), boost::asio::detached);
  ASSERT_TRUE(RunUntil([&] { return answered; }));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 1U);
}

TEST_F(ShardOwnerTest, FlushUpToTailWaitsForTheTail) {
  StartOpen();
  redis_.meta.tail = {1, 2};  // committed, not read yet
  bool answered = false;
  Status result;
  auto ask = [&]() -> awaitable<void> {
    result = co_await owner_->FlushUpToTail();
    answered = true;
  };
  boost::asio::co_spawn(io_, ask(), boost::asio::detached);
  io_.restart();
  io_.run_for(20ms);
  EXPECT_FALSE(answered);
  Feed({1, 2}, "k", "v");
  ASSERT_TRUE(RunUntil([&] { return answered; }));
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(postgres_.values["k"], "v");
}

TEST_F(ShardOwnerTest, ReadingStopsWhileTooMuchIsUnflushed) {
  ShardLimits limits;
  limits.read_bytes_max = 1000;
  ShardContext context{io_, redis_, postgres_, probe_, clock_, "me", limits};
  owner_ = std::make_shared<ShardOwner>(context, 0);
  owner_->Start([this] { ended_ = true; });
  ASSERT_TRUE(RunUntil([this] { return owner_->open(); }));
  FakeFeedSource feed;
  feed.entries[{1, 1}] = state::EncodeMarker(1000, {0, 0});
  for (uint64_t n = 2; n <= 50; ++n)
    feed.entries[{1, n}] = Entry({1, n}, "k", std::string(200, 'v'));
  redis_.meta.tail = {1, 50};
  postgres_.flush_failures.assign(1000, Unavailable("away"));
  const ShardTable shards = {{0, owner_}};
  FeedReader reader(context, feed, shards);
  reader.Start();
  ASSERT_TRUE(RunUntil([&] { return !context.CanRead(); }));
  EXPECT_LT(owner_->read_position(), (Position{1, 10}));
  EXPECT_LT(context.unflushed_bytes, 2 * limits.read_bytes_max);

  postgres_.flush_failures.clear();
  owner_->Retry();
  EXPECT_TRUE(RunUntil([this] { return postgres_.row.position == (Position{1, 50}); }));
  reader.Stop();
  owner_->Discard();
  io_.restart();
  io_.run();  // both have ended when nothing is left to do
  EXPECT_TRUE(ended_);
  EXPECT_EQ(context.unflushed_bytes, 0U);
}

}  // namespace
}  // namespace topgun::storage
