// The journal as shards know it: order, what memory and Redis have, pieces that join.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "domain/feed_seek.h"
#include "domain/journal_read.h"
#include "domain/watcher.h"
#include "state/cell.h"
#include "sync_shard_fixture.h"
#include "sync_view_fakes.h"

namespace topgun::sync {
namespace {

using state::JournalSequence;

// Four shards, written to by one replica and read at another.
class JournalTest : public testing::Test {
 protected:
  using Page = state::JournalPage<JournalEvent>;

  void Write(std::string_view map, std::string_view key, OpKind kind = OpKind::kPut,
             std::string_view tag = {}) {
    cluster_.wall().Advance(1);
    WriteOp op;
    op.kind = kind;
    op.key = key;
    op.tag = tag;
    op.timestamp = {cluster_.wall().NowMs(), 0, "client"};
    const bool removal = kind == OpKind::kRemove || kind == OpKind::kOrRemove;
    if (!removal) op.value = "\x01";
    ASSERT_EQ(cluster_.Write(map, op), Outcome::kApplied) << key;
  }

  // What the service would answer.
  Page Read(JournalQuery query, std::vector<state::Position> upto = {}) {
    const auto shared = std::make_shared<const JournalQuery>(std::move(query));
    std::vector<Page> parts;
    positions_.assign(ViewCluster::kShards, {});
    for (uint32_t shard = 0; shard < ViewCluster::kShards; ++shard) {
      std::optional<state::Position> end;
      if (!upto.empty()) end = upto[shard];
      ReadJournal(cluster_.reader(shard), shared, end, probe_, [&](StatusOr<ShardJournal> part) {
        ASSERT_TRUE(part.ok());
        positions_[part->shard] = part->position;
        parts.push_back(std::move(part->page));
      });
    }
    cluster_.scheduler().Advance(1000);
    EXPECT_EQ(parts.size(), ViewCluster::kShards);
    return state::MergePages(std::move(parts),
                             {.events_max = shared->events_max, .bytes_max = 1 << 20});
  }

  // e.g. "m:a -m:b", a minus for removals.
  static std::string Text(const Page& page) {
    std::string text;
    for (const JournalEvent& event : page.events) {
      state::CellView cell;
      EXPECT_TRUE(state::DecodeCell(event.cell, &cell));
      if (!text.empty()) text.append(" ");
      text.append(cell.tombstone ? "-" : "").append(event.map).append(":").append(event.key);
    }
    return text.append(page.next ? " ..." : "");
  }

  metrics::Registry registry_;
  Probe probe_{registry_};
  ViewCluster cluster_;
  std::vector<state::Position> positions_;
};

TEST_F(JournalTest, HasTheEventsOfAllShardsInTheOrderOfTheirCommits) {
  std::string expected;
  for (const char* const key : {"h", "c", "a", "z", "q", "b", "x", "y"}) {
    Write("m", key);
    expected.append(expected.empty() ? "m:" : " m:").append(key);
  }
  const Page page = Read({});
  EXPECT_EQ(Text(page), expected);
  for (size_t i = 1; i < page.events.size(); ++i) {
    EXPECT_LT(page.events[i - 1].sequence, page.events[i].sequence);
  }
}

TEST_F(JournalTest, HasRemovalsAndBothKindsOfMaps) {
  Write("m", "a");
  Write("m", "a", OpKind::kRemove);
  Write("tags", "k", OpKind::kOrAdd, "t1");
  Write("tags", "k", OpKind::kOrRemove, "t1");
  EXPECT_EQ(Text(Read({})), "m:a -m:a tags:k -tags:k");
}

TEST_F(JournalTest, IsFilteredByMapAndThenCut) {
  for (int i = 0; i < 20; ++i) Write(i % 4 == 3 ? "m" : "other", "k" + std::to_string(i));
  JournalQuery query{.map = "m", .events_max = 3};
  const Page first = Read(query);
  EXPECT_EQ(Text(first), "m:k3 m:k7 m:k11 ...");
  query.from = *first.next;
  EXPECT_EQ(Text(Read(query)), "m:k15 m:k19");
  query.from = state::After(first.events.back().sequence);
  EXPECT_EQ(Text(Read(query)), "m:k15 m:k19") << "as a client goes on";
  query.events_max = 0;
  EXPECT_EQ(Text(Read(query)), " ...");
}

TEST_F(JournalTest, PiecesOfAnySizeJoin) {
  std::string expected;
  for (int i = 0; i < 30; ++i) {
    const std::string key = "k" + std::to_string(i);
    Write("m", key);
    expected.append(expected.empty() ? "m:" : " m:").append(key);
  }
  const std::vector<JournalQuery> kinds = {{.events_max = 1},
                                           {.events_max = 100, .entries_max = 1},
                                           {.bytes_max = 1},
                                           {.events_max = 7}};
  for (JournalQuery query : kinds) {
    std::string all;
    for (std::optional<JournalSequence> next = query.from; next;) {
      query.from = *next;
      Page page = Read(query);
      next = std::exchange(page.next, {});
      ASSERT_TRUE(!next || query.from < *next) << "goes on";
      if (page.events.empty()) continue;
      all.append(all.empty() ? "" : " ").append(Text(page));
    }
    EXPECT_EQ(all, expected) << query.events_max << " " << query.entries_max;
  }
}

TEST_F(JournalTest, ALongReadSeesWhatItsFirstPieceSaw) {
  Write("m", "a");
  Write("m", "b");
  Read({});
  const std::vector<state::Position> upto = positions_;
  for (const char* const key : {"c", "d", "e", "f", "g"}) Write("m", key);
  EXPECT_EQ(Text(Read({}, upto)), "m:a m:b");
  EXPECT_EQ(positions_, upto);
  EXPECT_EQ(Text(Read({})), "m:a m:b m:c m:d m:e m:f m:g");
}

TEST_F(JournalTest, WhatRetentionDropsIsNoEvent) {
  Write("m", "a");
  cluster_.Prune(state::CellKind::kLww, "m", "a", {});
  EXPECT_EQ(Text(Read({})), "m:a");
}

// One shard, whose feed is written by hand.
class ShardJournalTest : public ShardTest {
 protected:
  ShardJournalTest() {
    b_.shard.OnConnected();
    scheduler_.Advance(100);
  }

  void Append(std::string_view map, std::string_view key, int64_t commit_ms,
              state::CellKind kind = state::CellKind::kLww) {
    state::CellView cell;
    cell.version = {redis_.meta.tail.incarnation, redis_.meta.tail.n + 1};
    cell.commit_ms = commit_ms;
    cell.timestamp = {commit_ms, 0, "client"};
    cell.value = "\x01";
    const std::string bytes = state::EncodeCell(cell);
    state::FeedEntryBuilder builder;
    state::ChangeView change;
    change.kind = kind;
    change.map = builder.MapIndex(map);
    change.key = key;
    change.cell = bytes;
    builder.Add(change);
    redis_.Append(builder.Build(commit_ms));
  }
  // Keys k0, k1, ... a millisecond apart.
  void AppendMany(int count, int64_t step_ms = 1) {
    for (int i = 0; i < count; ++i) {
      Append("m", "k" + std::to_string(appended_++), now_ms_ += step_ms);
    }
  }

  std::vector<std::string> Read(Shard& shard, JournalQuery query = {}) {
    // It may come late.
    const auto result = std::make_shared<StatusOr<ShardJournal>>(Unavailable("no answer"));
    ReadJournal(shard, std::make_shared<const JournalQuery>(query), std::nullopt, probe_,
                [result](StatusOr<ShardJournal> journal) { *result = std::move(journal); });
    scheduler_.Advance(1000);
    if (!result->ok()) return {"no answer"};
    std::vector<std::string> keys;
    for (const JournalEvent& event : (*result)->page.events) keys.push_back(event.key);
    next_ = (*result)->page.next;
    return keys;
  }
  static JournalSequence At(int64_t commit_ms) {
    return {static_cast<uint64_t>(commit_ms), 0, 0, 0};
  }

  int64_t now_ms_ = kNow;
  int appended_ = 0;
  std::optional<JournalSequence> next_;
};

TEST_F(ShardJournalTest, OnlyChangesOfClientsAreEvents) {
  Append("_topgun_restamps", "a", kNow);
  Append("m", "c", kNow, state::CellKind::kCounter);
  Append("m", "k", kNow);
  EXPECT_EQ(Read(b_.shard), std::vector<std::string>{"k"});
}

TEST_F(ShardJournalTest, AFreshReplicaReadsFromRedisWhatItHasNotSeen) {
  AppendMany(300);
  Replica late(redis_, owner_, scheduler_, probe_);
  late.shard.OnConnected();
  scheduler_.Advance(100);
  AppendMany(10);
  JournalQuery query{.events_max = 1'000};
  EXPECT_EQ(Read(late.shard, query).size(), 310U);
  redis_.feed.erase(redis_.feed.begin(), redis_.feed.begin() + 101);  // the marker, and k0 to k99
  const auto keys = Read(late.shard, query);
  ASSERT_EQ(keys.size(), 210U);
  EXPECT_EQ(keys.front(), "k100");
  EXPECT_EQ(keys.back(), "k309");
}

TEST_F(ShardJournalTest, MemoryReachesFurtherThanATrimmedFeed) {
  AppendMany(50);
  EXPECT_EQ(Read(b_.shard).size(), 50U);
  redis_.feed.erase(redis_.feed.begin(), redis_.feed.end() - 1);
  EXPECT_EQ(Read(b_.shard).size(), 50U);
  EXPECT_EQ(Read(b_.shard, {.from = At(now_ms_ - 2)}),
            (std::vector<std::string>{"k47", "k48", "k49"}));
}

TEST_F(ShardJournalTest, APlaceInALongFeedIsFoundWithoutReadingAllOfIt) {
  AppendMany(20'000, 100);
  Replica late(redis_, owner_, scheduler_, probe_);
  late.shard.OnConnected();
  scheduler_.Advance(100);
  late.store.feed_entries_read = 0;
  const JournalQuery query{.from = At(kNow + 1'234'500), .events_max = 3};
  EXPECT_EQ(Read(late.shard, query), (std::vector<std::string>{"k12344", "k12345", "k12346"}));
  EXPECT_LT(late.store.feed_entries_read, 1'000);
}

TEST_F(ShardJournalTest, APlaceIsFoundInAnEarlierIncarnation) {
  AppendMany(3'000, 100);
  redis_.run = "run-2";
  redis_.Open(7);
  redis_.meta.run = "run-2";
  AppendMany(100, 100);
  redis_.Open(9);
  AppendMany(2'000, 100);
  Replica late(redis_, owner_, scheduler_, probe_);
  late.shard.OnConnected();
  scheduler_.Advance(100);
  for (const int wanted : {0, 1'000, 2'999, 3'000, 3'099, 3'100, 4'000, 5'099}) {
    const JournalQuery query{.from = At(kNow + 100 * (wanted + 1)), .events_max = 1};
    EXPECT_EQ(Read(late.shard, query), std::vector<std::string>{"k" + std::to_string(wanted)});
  }
}

TEST_F(ShardJournalTest, ManyCommitsOfOneMomentAreRead) {
  for (int i = 0; i < 40; ++i) Append("m", "k" + std::to_string(i), kNow);
  std::vector<std::string> all;
  JournalQuery query{.entries_max = 4};
  for (int reads = 0; reads < 20; ++reads) {
    for (std::string& key : Read(b_.shard, query)) all.push_back(std::move(key));
    if (!next_) break;
    query.from = *next_;
  }
  EXPECT_FALSE(next_);
  EXPECT_EQ(all.size(), 40U);
}

TEST_F(ShardJournalTest, WaitsUntilTheShardIsOpen) {
  AppendMany(1);
  b_.shard.OnDisconnected();
  EXPECT_EQ(Read(b_.shard), std::vector<std::string>{"no answer"});
  b_.shard.OnConnected();
  scheduler_.Advance(1000);
  EXPECT_EQ(Read(b_.shard), std::vector<std::string>{"k0"});
}

// ---- Commit times ----

class CommitTimeTest : public ShardTest {
 protected:
  int64_t WriteAt(Replica& replica, int64_t now_ms) {
    replica.wall.Set(now_ms);
    Done done;
    const std::string key = "k" + std::to_string(++written_);
    replica.shard.Submit(Part(key, kNow + written_, "1", done));
    scheduler_.Advance(1000);
    EXPECT_TRUE(done.calls == 1 && done.result.status.ok());
    FeedEntry entry;
    EXPECT_TRUE(entry.Decode(redis_.feed.back().position, redis_.feed.back().entry));
    state::CellView cell;
    EXPECT_TRUE(state::DecodeCell(entry.view.changes.at(0).cell, &cell));
    EXPECT_EQ(cell.commit_ms, entry.view.wall_ms);
    return cell.commit_ms;
  }

  int written_ = 0;
};

TEST_F(CommitTimeTest, DoesNotGoBackWhenReplicasTakeTurns) {
  a_.shard.OnConnected();
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  EXPECT_EQ(WriteAt(a_, kNow + 500), kNow + 500);
  EXPECT_EQ(WriteAt(b_, kNow), kNow + 500);
  EXPECT_EQ(WriteAt(b_, kNow + 501), kNow + 501);
  EXPECT_EQ(WriteAt(a_, kNow + 500), kNow + 501);
}

TEST_F(CommitTimeTest, IsLearnedByWhoTakesTheShardOver) {
  a_.shard.OnConnected();
  scheduler_.Advance(100);
  WriteAt(a_, kNow + 500);
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  EXPECT_EQ(WriteAt(b_, kNow), kNow + 500) << "it opens";
  WriteAt(a_, kNow + 700);
  WriteAt(a_, kNow + 800);
  redis_.feed.erase(redis_.feed.begin(), redis_.feed.end() - 1);
  EXPECT_EQ(WriteAt(b_, kNow), kNow + 800) << "it jumps over what is trimmed";
}

TEST_F(CommitTimeTest, DoesNotFollowAClockThatIsWrong) {
  a_.shard.OnConnected();
  b_.shard.OnConnected();
  scheduler_.Advance(100);
  WriteAt(a_, kNow + 61'000);
  EXPECT_EQ(WriteAt(b_, kNow), kNow);
}

// ---- The window ----

TEST(FeedWindowTimeTest, VisitsWhatWasMadeSince) {
  FeedWindow window(1 << 16);
  window.Clear({1, 0});
  EXPECT_EQ(window.oldest_ms(), std::nullopt);
  std::vector<std::string> kept;
  for (uint64_t n = 1; n <= 5; ++n) {
    kept.push_back(state::FeedEntryBuilder().Build(static_cast<int64_t>(n) * 10));
    FeedEntry entry;
    ASSERT_TRUE(entry.Decode({1, n}, kept.back()));
    window.Add(entry);
  }
  EXPECT_EQ(window.oldest_ms(), 10);
  std::vector<uint64_t> visited;
  const auto visit = [&visited](const FeedEntry& entry) {
    visited.push_back(entry.position.n);
    return entry.position.n != 4;
  };
  EXPECT_FALSE(window.VisitSince({1, 0}, 20, visit));
  EXPECT_EQ(visited, (std::vector<uint64_t>{2, 3, 4}));
  visited.clear();
  EXPECT_TRUE(window.VisitSince({1, 4}, 20, visit));
  EXPECT_EQ(visited, (std::vector<uint64_t>{5}));
}

// ---- Watchers of all maps ----

class RangeKeeper final : public WatchSink {
 public:
  void OnRange(const WatchedRange& /*range*/, const FeedEntry* entry,
               const std::vector<uint32_t>& changes) override {
    for (const uint32_t index : changes) keys.emplace_back(entry->view.changes.at(index).key);
  }
  void OnPersisted(uint32_t /*shard*/, const state::Position& /*persisted*/) override {}

  std::vector<std::string> keys;
};

TEST_F(ShardJournalTest, AWatcherOfAllMapsHearsOfEvents) {
  RangeKeeper sink;
  Watcher watcher(sink, probe_);
  watcher.Watch(b_.shard, std::nullopt);
  watcher.ChangeInterest({"_topgun_nodes"}, {}, 1);
  scheduler_.Advance(100);
  const auto hear = [&] {
    Append("m", "in m", kNow);
    Append("n", "in n", kNow);
    Append("_topgun_nodes", "node", kNow);
    Append("_topgun_restamps", "restamp", kNow);
    Append("c", "counter", kNow, state::CellKind::kCounter);
    b_.shard.Poll();
    scheduler_.Advance(100);
    return std::exchange(sink.keys, {});
  };
  EXPECT_EQ(hear(), (std::vector<std::string>{"node"}));
  watcher.WantAllMaps(true);
  watcher.ChangeInterest({}, {}, 2);
  EXPECT_EQ(hear(), (std::vector<std::string>{"in m", "in n", "node"}));
  watcher.WantAllMaps(false);
  watcher.ChangeInterest({"n"}, {}, 3);
  EXPECT_EQ(hear(), (std::vector<std::string>{"in n", "node"}));
}

}  // namespace
}  // namespace topgun::sync
