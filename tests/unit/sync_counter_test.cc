// PN counters (features.md 4): how their cells merge, wherever two of them meet, and how they are
// read back.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crdt/pn_counter.h"
#include "domain/counter_content.h"
#include "domain/merge_rules.h"
#include "domain/retention_sweeper.h"
#include "support/random.h"
#include "sync_shard_fixture.h"
#include "sync_view_fakes.h"

namespace topgun::sync {
namespace {

using state::CellKind;
using state::Counted;
using std::string_literals::operator""s;

// Of a cell; views borrow from `value`.
CellState CellOf(std::string_view value) { return {true, false, false, 0, {}, value}; }

std::string EncodedCell(state::Position version, const Counted& counted) {
  const std::string value = state::EncodeCounted(counted);
  state::CellView view;
  view.version = version;
  view.commit_ms = static_cast<int64_t>(version.n);
  view.value = value;
  return state::EncodeCell(view);
}

WriteOp CounterOp(std::string_view node, std::string_view value) {
  WriteOp op;
  op.kind = OpKind::kCounter;
  op.key = node;
  op.value = value;
  return op;
}

TEST(CounterRules, TheLargerOfEachSideWins) {
  const std::string stored = state::EncodeCounted({5, 2});
  const auto merged = [&](const Counted& counted) { return MergeCounted(CellOf(stored), counted); };
  EXPECT_EQ(merged({6, 2}).verdict, Verdict::kApply);
  EXPECT_EQ(merged({6, 1}).verdict, Verdict::kApply);
  EXPECT_EQ(merged({6, 1}).joined, (Counted{6, 2}));
  EXPECT_EQ(merged({0, 2.5}).joined, (Counted{5, 2.5}));
  EXPECT_EQ(merged({5, 2}).verdict, Verdict::kDuplicate);
  EXPECT_EQ(merged({4, 2}).verdict, Verdict::kStale);
  EXPECT_EQ(merged({}).verdict, Verdict::kStale);
  EXPECT_EQ(MergeCounted({}, {0, 1}).verdict, Verdict::kApply);
  EXPECT_EQ(MergeCounted({}, {}).verdict, Verdict::kDuplicate) << "nothing was counted";
  EXPECT_EQ(MergeCounted(CellOf("\xc0"), {1, 0}).joined, (Counted{1, 0}));
}

TEST(CounterRules, ALoadedRowJoinsWhatRedisHas) {
  const auto join = [](const Counted& stored, const Counted& loaded) {
    return MergeLoaded(CellKind::kCounter, EncodedCell({1, 5}, stored),
                       EncodedCell({1, 4}, loaded));
  };
  EXPECT_EQ(join({5, 2}, {4, 2}), "") << "the one in Redis stays";
  EXPECT_EQ(join({5, 2}, {5, 2}), "");
  EXPECT_EQ(join({5, 1}, {4, 2}), EncodedCell({1, 5}, {5, 2}));
  EXPECT_EQ(join({5, 1}, {6, 1}), EncodedCell({1, 5}, {6, 1}))
      << "versions never fall: views take it for news";
  const std::string row = EncodedCell({2, 9}, {6, 1});
  EXPECT_EQ(MergeLoaded(CellKind::kCounter, EncodedCell({1, 5}, {5, 1}), row), row);
  EXPECT_EQ(MergeLoaded(CellKind::kCounter, "", row), row);
  EXPECT_EQ(MergeLoaded(CellKind::kCounter, row, "?"), "");
}

class CounterShardTest : public ShardTest {
 protected:
  CounterShardTest() {
    a_.shard.OnConnected();
    scheduler_.Advance(100);
  }

  // The outcomes of ops {node, value} of one part, e.g. "applied stale".
  std::string Count(const std::vector<std::pair<std::string, std::string>>& ops) {
    WriteResult result;
    WritePart part;
    part.maps = {"likes"};
    part.origins = {"", "conn"};
    for (const auto& [node, value] : ops) {
      part.ops.push_back(CounterOp(node, value));
      part.ops.back().origin = 1;
    }
    part.done = [&result](WriteResult done) { result = std::move(done); };
    a_.shard.Submit(std::move(part));
    scheduler_.Advance(3000);
    EXPECT_TRUE(result.status.ok());
    std::string text;
    for (const char outcome : result.outcomes) {
      constexpr std::array<const char*, kOutcomeCount> kNames = {
          "none", "applied", "stale", "duplicate", "restamped", "rejected"};
      text.append(text.empty() ? "" : " ").append(kNames[static_cast<size_t>(outcome)]);
    }
    return text;
  }
  std::optional<Counted> Stored(const std::string& node) {
    const std::string* const cell = redis_.Find(CellKind::kCounter, "likes", node);
    state::CellView view;
    if (cell == nullptr || !state::DecodeCell(*cell, &view)) return std::nullopt;
    return state::DecodeCounted(view.value);
  }
};

TEST_F(CounterShardTest, AnOpMayComeAgainAndInAnyOrder) {
  EXPECT_EQ(Count({{"n1", "\x92\x05\x01"}, {"n2", "\x92\x02\x00"s}, {"n1", "\x92\x03\x02"}}),
            "applied applied applied");
  EXPECT_EQ(Stored("n1"), (Counted{5, 2}));
  EXPECT_EQ(Stored("n2"), (Counted{2, 0}));
  const size_t entries = redis_.feed.size();
  EXPECT_EQ(Count({{"n1", "\x92\x05\x02"}, {"n1", "\x92\x05\x01"}}), "duplicate stale");
  EXPECT_EQ(redis_.feed.size(), entries) << "compared only";
}

TEST_F(CounterShardTest, WhatIsNoAmountIsRefusedForGood) {
  EXPECT_EQ(Count({{"n", "\x92\x05\xff"},
                   {"n", "\x92\xcb\x7f\xf0\0\0\0\0\0\0\x01"s},
                   {"n", ""},
                   {"n", "\x05"},
                   {"n", "\x92\x05\x01"}}),
            "rejected rejected rejected rejected applied");
  EXPECT_EQ(Stored("n"), (Counted{5, 1}));
}

TEST_F(CounterShardTest, TheFeedTellsTheJoinedCell) {
  Count({{"n", "\x92\x05\x01"}});
  Count({{"n", "\x92\x02\x03"}});
  state::FeedEntryView entry;
  ASSERT_TRUE(state::DecodeFeedEntry(redis_.feed.back().entry, &entry));
  ASSERT_EQ(entry.changes.size(), 1u);
  EXPECT_EQ(entry.changes[0].kind, CellKind::kCounter);
  EXPECT_EQ(entry.changes[0].key, "n");
  EXPECT_EQ(entry.changes[0].flags, state::kChangeWasLive);
  EXPECT_EQ(entry.maps[entry.changes[0].map], "likes");
  EXPECT_EQ(entry.origins[entry.changes[0].origin], "conn");
  state::CellView cell;
  ASSERT_TRUE(state::DecodeCell(entry.changes[0].cell, &cell));
  EXPECT_EQ(state::DecodeCounted(cell.value), (Counted{5, 3}));
  EXPECT_EQ(redis_.cells.count(state::MapId(CellKind::kLww, state::kHorizonMap)), 0u);
}

TEST_F(CounterShardTest, AnUnloadedCounterIsLoadedBeforeItGrows) {
  redis_.unloaded[state::MapId(CellKind::kCounter, "likes")] = {};
  owner_.rows = {{"n", "", EncodedCell({1, 1}, {7, 1})}, {"m", "", EncodedCell({1, 1}, {1, 1})}};
  EXPECT_EQ(Count({{"n", "\x92\x05\x02"}}), "applied");
  EXPECT_EQ(Stored("n"), (Counted{7, 2}));
  EXPECT_EQ(Stored("m"), (Counted{1, 1}));
}

TEST_F(CounterShardTest, RetentionDropsNothing) {
  Count({{"n", "\x92\x05\x01"}});
  support::ManualClock late{kNow + 1'000'000'000};
  RetentionSweeper sweeper({&a_.shard}, RetentionLimits{.retention_ms = 1'000}, scheduler_, late,
                           probe_);
  sweeper.Start();
  scheduler_.Advance(10'000);
  EXPECT_EQ(Stored("n"), (Counted{5, 1}));
  EXPECT_EQ(a_.store.prunes, 0);
}

// ---- Reading ----

TEST(CounterContentTest, CellsMayComeInAnyOrderAndMoreThanOnce) {
  CounterContent content;
  content.Apply(0, "n", "", EncodedCell({1, 5}, {5, 2}));
  content.Apply(0, "n", "", EncodedCell({1, 4}, {4, 2}));
  content.Apply(0, "m", "", EncodedCell({1, 6}, {0, 1}));
  content.Apply(0, "odd", "", "?");
  content.Apply(0, "odd", "", EncodedCell({1, 6}, {0, 1}).substr(0, 9));
  EXPECT_EQ(content.state(), crdt::PnCounter({{"n", 5}}, {{"n", 2}, {"m", 1}}));
  const uint64_t bytes = content.bytes();
  content.Apply(0, "n", "", EncodedCell({1, 7}, {9, 9}));
  EXPECT_EQ(content.bytes(), bytes) << "no amount more";
  EXPECT_GT(bytes, 0u);
  content.DropShard(0);
  EXPECT_TRUE(content.state().empty());
  EXPECT_EQ(content.bytes(), 0u);
}

class CounterViewTest : public testing::Test {
 protected:
  Outcome Count(std::string_view name, std::string_view node, const Counted& counted) {
    const std::string value = state::EncodeCounted(counted);
    return cluster_.WriteTo(cluster_.ShardOf(name), name, CounterOp(node, value));
  }
  crdt::PnCounter Read(std::string_view name) {
    const StatusOr<std::string> state = cluster_.ReadCounter(name);
    EXPECT_TRUE(state.ok()) << Message(state.status());
    if (!state.ok()) return {};
    const StatusOr<crdt::PnCounter> counter = crdt::PnCounter::Decode(*state);
    EXPECT_TRUE(counter.ok());
    return counter.ok() ? *counter : crdt::PnCounter();
  }

  support::Random random_{support::TestSeed()};
  ViewCluster cluster_;
};

TEST_F(CounterViewTest, AReadHasEverythingThatWasCountedBefore) {
  crdt::PnCounter model;
  for (int i = 0; i < 200; ++i) {
    const std::string node = "n" + std::to_string(random_.Below(8));
    const Counted counted{static_cast<double>(random_.Below(50)),
                          static_cast<double>(random_.Below(50))};
    model.Raise(node, counted.positive, counted.negative);
    ASSERT_NE(Count("likes", node, counted), Outcome::kRejected);
    const uint32_t shard = cluster_.ShardOf("likes");
    if (random_.OneIn(5)) cluster_.LoseFeed(shard);
    if (random_.OneIn(5)) cluster_.reader(shard).Poll();
    if (random_.OneIn(20)) cluster_.reader(shard).OnConnected();
    if (random_.OneIn(5)) {
      ASSERT_EQ(Read("likes"), model) << i;
    }
    if (random_.OneIn(10)) cluster_.loop(shard % ViewCluster::kLoops).DropIdle();
  }
  EXPECT_EQ(Read("likes"), model);
}

TEST_F(CounterViewTest, AnUnknownCounterIsEmptyAndAMapOfItsNameIsAnother) {
  WriteOp put;
  put.key = "likes";
  put.value = "\x01";
  put.timestamp = {ViewCluster::kNow, 0, "client"};
  ASSERT_EQ(cluster_.Write("likes", put), Outcome::kApplied);
  EXPECT_TRUE(Read("likes").empty());
  Count("likes", "n", {1, 0});
  EXPECT_EQ(cluster_.Count(CellKind::kLww, "likes")->at(0) +
                cluster_.Count(CellKind::kLww, "likes")->at(1),
            1u);
  EXPECT_EQ(Read("likes").Value(), 1);
}

TEST_F(CounterViewTest, WhatRedisLostIsLoadedFirst) {
  const uint32_t shard = cluster_.ShardOf("likes");
  cluster_.redis(shard).unloaded[state::MapId(CellKind::kCounter, "likes")] = {};
  cluster_.owner(shard).rows = {{"n", "", EncodedCell({1, 1}, {7, 1})}};
  EXPECT_EQ(Read("likes").Value(), 6);
}

TEST_F(CounterViewTest, ViewsAreDroppedOnceTheyWereRead) {
  CounterViews& views = cluster_.loop(cluster_.ShardOf("likes") % ViewCluster::kLoops).counters();
  Read("likes");
  EXPECT_EQ(views.size(), 1u);
  cluster_.loop(cluster_.ShardOf("likes") % ViewCluster::kLoops).DropIdle();
  EXPECT_EQ(views.size(), 0u);
}

TEST_F(CounterViewTest, TooManyReadsAtATimeAreRefused) {
  metrics::Registry registry;
  Probe probe(registry);
  CounterViews views({.views_max = 2}, cluster_.wall(), probe);
  std::vector<Status> answers;
  const auto ask = [&](const std::string& name) {
    views.Read(cluster_.reader(0), name, [&answers](const StatusOr<std::string>& state) {
      answers.push_back(state.status());
    });
  };
  ask("a");
  ask("b");
  ask("b");
  ask("c");
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].code(), StatusCode::kResourceExhausted);
  EXPECT_NE(registry.Render().find("sync_views_refused_total 1"), std::string::npos);
  cluster_.scheduler().Advance(5000);
  EXPECT_EQ(answers.size(), 4u);
  ask("c");  // the others are not waited for any more
  cluster_.scheduler().Advance(5000);
  EXPECT_EQ(answers.size(), 5u);
  EXPECT_TRUE(answers.back().ok());
  EXPECT_EQ(views.size(), 1u);
}

TEST_F(CounterViewTest, CountersThatWereReadMakeRoomForOthers) {
  metrics::Registry registry;
  Probe probe(registry);
  CounterViews views({.bytes_max = 200}, cluster_.wall(), probe);
  for (const std::string name : {"a", "b", "c", "d"}) {
    cluster_.WriteTo(0, name, CounterOp("node", "\x92\x05\x01"));
    Status status = Unavailable("no answer");
    views.Read(cluster_.reader(0), name,
               [&status](const StatusOr<std::string>& state) { status = state.status(); });
    cluster_.scheduler().Advance(5000);
    EXPECT_TRUE(status.ok()) << name;
  }
  EXPECT_LE(views.size(), 2u);
}

}  // namespace
}  // namespace topgun::sync
