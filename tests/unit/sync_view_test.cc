// Views against the reference maps of lib/crdt: random writes of another replica, gaps, pruning,
// horizons, what a tree read answers, dead tags.
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "crdt/lww_map.h"
#include "crdt/or_map.h"
#include "domain/lookup.h"
#include "state/horizon.h"
#include "support/random.h"
#include "sync_view_fakes.h"

namespace topgun::sync {
namespace {

using state::CellKind;

constexpr int64_t kViewedAt = ViewCluster::kNow;

std::vector<std::string> KeysOf(const std::vector<NamedCell>& cells) {
  std::vector<std::string> keys;
  for (const NamedCell& cell : cells) keys.push_back(cell.key);
  return keys;
}

class ViewTest : public testing::Test {
 protected:
  // All nodes of the tree at once, as a client walks them.
  static std::vector<std::string> AllPaths(const crdt::MerkleTree& tree) {
    std::vector<std::string> paths{""};
    for (size_t i = 0; i < paths.size(); ++i) {
      for (const crdt::MerkleTree::Bucket& bucket : tree.Children(paths[i])) {
        paths.push_back(paths[i] + bucket.digit);
      }
    }
    return paths;
  }

  void ExpectTree(CellKind kind, const crdt::MerkleTree& expected) {
    const std::vector<std::string> paths = AllPaths(expected);
    const StatusOr<TreePart> tree = cluster_.ReadTree(kind, "m", {paths, false, 0});
    ASSERT_TRUE(tree.ok()) << Message(tree.status());
    for (size_t i = 0; i < paths.size(); ++i) {
      ASSERT_EQ(tree->sums.NodeHash(paths[i]), expected.NodeHash(paths[i])) << paths[i];
      ASSERT_EQ(tree->sums.Children(paths[i]), expected.Children(paths[i])) << paths[i];
      if (paths[i].size() != crdt::MerkleTree::kDepth) continue;
      std::set<std::string> keys;
      for (const crdt::MerkleTree::Item& item : expected.Items(paths[i])) keys.emplace(item.key);
      const std::vector<std::string> found = KeysOf(tree->cells[i]);
      ASSERT_EQ(std::set<std::string>(found.begin(), found.end()), keys) << paths[i];
    }
  }

  // Now and then something happens to the reader that it has to notice.
  void Disturb() {
    const auto shard = static_cast<uint32_t>(random_.Below(ViewCluster::kShards));
    if (random_.OneIn(6)) cluster_.LoseFeed(shard);
    if (random_.OneIn(6)) cluster_.reader(shard).Poll();
    if (random_.OneIn(20)) cluster_.reader(shard).OnConnected();
    cluster_.scheduler().Advance(50);
  }

  Outcome Put(std::string_view key, int64_t millis, std::string_view value, double ttl_ms = 0) {
    WriteOp op;
    op.key = key;
    op.value = value;
    op.timestamp = {millis, 0, "client"};
    op.has_ttl = ttl_ms != 0;
    op.ttl_ms = ttl_ms;
    return cluster_.Write("m", op);
  }
  Outcome Remove(std::string_view key, int64_t millis) {
    WriteOp op;
    op.kind = OpKind::kRemove;
    op.key = key;
    op.timestamp = {millis, 0, "client"};
    return cluster_.Write("m", op);
  }
  Outcome OrWrite(OpKind kind, std::string_view key, std::string_view tag,
                  std::string_view value = {}) {
    WriteOp op;
    op.kind = kind;
    op.key = key;
    op.tag = tag;
    op.value = value;
    op.timestamp = {kViewedAt, 0, "client"};
    return cluster_.Write("m", op);
  }

  support::Random random_{support::TestSeed()};
  ViewCluster cluster_;
  support::ManualClock wall_{kViewedAt};
  crdt::HybridLogicalClock clock_{"model", wall_};
};

TEST_F(ViewTest, AnLwwTreeIsThatOfTheReferenceMap) {
  crdt::LwwMap model(clock_);
  for (int64_t i = 0; i < 300; ++i) {
    const std::string key = "k" + std::to_string(random_.Below(60));
    const int64_t millis = kViewedAt - static_cast<int64_t>(random_.Below(100)) * 1000 + i;
    const crdt::Timestamp timestamp{millis, 0, "client"};
    if (random_.OneIn(4)) {
      Remove(key, millis);
      model.Merge(key, {"", timestamp, std::nullopt, true});
    } else {
      const std::string value = "v" + std::to_string(i);
      Put(key, millis, value);
      model.Merge(key, {value, timestamp, std::nullopt, false});
    }
    Disturb();
    if (random_.OneIn(15)) ExpectTree(CellKind::kLww, model.tree());
    if (HasFatalFailure()) return;
  }
  ExpectTree(CellKind::kLww, model.tree());
}

TEST_F(ViewTest, AnOrTreeIsThatOfTheReferenceMap) {
  crdt::OrMap model(clock_, crdt::OrMap::Role::kServer);
  std::vector<std::pair<std::string, std::string>> added;  // key, tag
  for (int i = 0; i < 300; ++i) {
    const std::string key = "k" + std::to_string(random_.Below(40));
    std::string tag = "tag-" + std::to_string(i);
    if (!added.empty() && random_.OneIn(2)) {
      const auto& [old_key, old_tag] = added[random_.Below(added.size())];
      OrWrite(OpKind::kOrRemove, old_key, old_tag);
      model.ApplyTombstone(old_tag, old_key);
    } else {
      const std::string value("\xa1v", 2);
      OrWrite(OpKind::kOrAdd, key, tag, value);
      model.Apply(key, {value, {kViewedAt, 0, "client"}, tag, std::nullopt});
      added.emplace_back(key, std::move(tag));
    }
    Disturb();
    if (random_.OneIn(15)) ExpectTree(CellKind::kOr, model.tree());
    if (HasFatalFailure()) return;
  }
  ExpectTree(CellKind::kOr, model.tree());
}

TEST_F(ViewTest, UnknownAndMalformedPathsAreEmptyNodes) {
  Put("k", kViewedAt, "1");
  const std::vector<std::string> paths{"", "zz", "0123", crdt::MerklePath("other"), "A"};
  const StatusOr<TreePart> tree = cluster_.ReadTree(CellKind::kLww, "m", {paths, false, 0});
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(tree->sums.Children("").size(), 1U);
  for (size_t i = 1; i < paths.size(); ++i) {
    EXPECT_EQ(tree->sums.NodeHash(paths[i]), 0U) << paths[i];
    EXPECT_TRUE(tree->sums.Children(paths[i]).empty()) << paths[i];
    EXPECT_TRUE(tree->cells[i].empty()) << paths[i];
  }
  const StatusOr<TreePart> unknown = cluster_.ReadTree(CellKind::kOr, "m", {{""}, true, 0});
  ASSERT_TRUE(unknown.ok());
  EXPECT_EQ(unknown->sums.NodeHash(""), 0U) << "an OR map of that name is another map";
}

TEST_F(ViewTest, CellsComeInOrderAndByCommitTime) {
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) {
    keys.push_back("k" + std::to_string(10 + i));
    if (i == 10) cluster_.wall().Advance(1000);
    Put(keys.back(), kViewedAt, "1");
  }
  const StatusOr<TreePart> all = cluster_.ReadTree(CellKind::kLww, "m", {{""}, true, 0});
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(KeysOf(all->cells[0]), keys);
  const StatusOr<TreePart> late =
      cluster_.ReadTree(CellKind::kLww, "m", {{""}, true, kViewedAt + 1000});
  ASSERT_TRUE(late.ok());
  EXPECT_EQ(KeysOf(late->cells[0]), std::vector<std::string>(keys.begin() + 10, keys.end()));
}

TEST_F(ViewTest, PrunedCellsLeaveTheTree) {
  Put("gone", kViewedAt, "1");
  Remove("gone", kViewedAt + 1);
  Put("kept", kViewedAt, "1");
  OrWrite(OpKind::kOrRemove, "gone", "t1");
  OrWrite(OpKind::kOrRemove, "kept", "t1");
  OrWrite(OpKind::kOrAdd, "kept", "t2", "\xc0");
  for (const CellKind kind : {CellKind::kLww, CellKind::kOr}) {
    ASSERT_EQ(cluster_.ReadTree(kind, "m", {{""}, true, 0})->cells[0].size(),
              kind == CellKind::kLww ? 2U : 3U);
  }
  cluster_.Prune(CellKind::kLww, "m", "gone", "");
  cluster_.Prune(CellKind::kOr, "m", "gone", "t1");
  cluster_.Prune(CellKind::kOr, "m", "kept", "t1");
  crdt::LwwMap lww(clock_);
  lww.Merge("kept", {"1", {kViewedAt, 0, "client"}, std::nullopt, false});
  ExpectTree(CellKind::kLww, lww.tree());
  crdt::OrMap orm(clock_, crdt::OrMap::Role::kServer);
  orm.Apply("kept", {"\xc0", {kViewedAt, 0, "client"}, "t2", std::nullopt});
  ExpectTree(CellKind::kOr, orm.tree());
}

TEST_F(ViewTest, RowsStayInOrderWhateverHappensAfterTheFirstSnapshot) {
  LwwContent content;
  uint64_t n = 0;
  const auto put = [&](uint32_t shard, const std::string& key) {
    state::CellView cell;
    cell.version = {1, ++n};
    cell.timestamp = {kViewedAt, 0, "n"};
    cell.value = "\x01";
    const std::string encoded = state::EncodeCell(cell);
    content.Apply(shard, key, "", encoded);
    return encoded;
  };
  const auto keys = [&](size_t rows_max) {
    std::string joined;
    for (const Row& row : content.LiveRows(rows_max, kViewedAt)) joined += row.key;
    return joined;
  };
  put(0, "c");
  put(1, "a");
  EXPECT_EQ(keys(9), "ac");
  const std::string pruned = put(0, "b");
  put(1, "d");
  EXPECT_EQ(keys(3), "abc");
  content.Prune(0, "b", "", pruned);
  EXPECT_EQ(keys(9), "acd");
  content.DropShard(1);
  EXPECT_EQ(keys(9), "c");
  put(0, "c");
  EXPECT_EQ(keys(9), "c");
}

TEST_F(ViewTest, ANewerCellSurvivesTheNewsOfAPruning) {
  LwwContent content;
  state::CellView cell;
  cell.version = {1, 5};
  cell.timestamp = {kViewedAt, 0, "n"};
  cell.tombstone = true;
  const std::string old = state::EncodeCell(cell);
  cell.version = {1, 6};
  cell.tombstone = false;
  content.Apply(0, "k", "", state::EncodeCell(cell));
  content.Prune(0, "k", "", old);
  EXPECT_EQ(content.Tree().size(), 1U);
  EXPECT_EQ(content.LiveCount(kViewedAt), 1U);
  content.Prune(0, "k", "", state::EncodeCell(cell));
  EXPECT_EQ(content.Tree().size(), 0U);
  EXPECT_EQ(content.LiveCount(kViewedAt), 0U);
  EXPECT_EQ(content.bytes(), 0U);
}

TEST_F(ViewTest, TheHorizonIsTheHighestOfAllShards) {
  const auto write_horizon = [&](uint32_t shard, int64_t commit_ms) {
    const std::string key = state::MapId(CellKind::kLww, "m");
    const std::string value = state::EncodeHorizon({commit_ms, 0});
    WriteOp op;
    op.key = key;
    op.value = value;
    op.timestamp = {commit_ms, 0, "retention"};
    ASSERT_EQ(cluster_.WriteTo(shard, state::kHorizonMap, op), Outcome::kApplied);
  };
  const auto horizon = [&] {
    return cluster_.ReadTree(CellKind::kLww, "m", {{""}, false, 0})->horizon_ms;
  };
  write_horizon(1, kViewedAt - 500);
  EXPECT_EQ(horizon(), kViewedAt - 500) << "read when the view is built";
  write_horizon(2, kViewedAt - 200);
  EXPECT_EQ(horizon(), kViewedAt - 200) << "followed in the feed";
  write_horizon(3, kViewedAt - 300);
  EXPECT_EQ(horizon(), kViewedAt - 200);
  EXPECT_EQ(cluster_.ReadTree(CellKind::kOr, "m", {{""}, false, 0})->horizon_ms, 0)
      << "an OR map of that name is another map";
}

TEST_F(ViewTest, SnapshotsCountLiveRowsAndTellExpiries) {
  Put("forever", kViewedAt, "1");
  Put("hidden", kViewedAt - 5000, "1", 1000);
  Put("later", kViewedAt, "1", 5000);
  Put("removed", kViewedAt, "1");
  Remove("removed", kViewedAt + 1);
  const auto read = [&](size_t rows_max) {
    Snapshot all;
    auto parts = cluster_.Read("m", rows_max);
    for (Snapshot& part : *parts) {
      all.live_rows += part.live_rows;
      std::move(part.rows.begin(), part.rows.end(), std::back_inserter(all.rows));
    }
    std::sort(all.rows.begin(), all.rows.end(),
              [](const Row& a, const Row& b) { return a.key < b.key; });
    return all;
  };
  const Snapshot now = read(10);
  ASSERT_EQ(now.rows.size(), 2U);
  EXPECT_EQ(now.live_rows, 2U);
  EXPECT_EQ(now.rows[0].key, "forever");
  EXPECT_FALSE(now.rows[0].expires_ms.has_value());
  EXPECT_EQ(now.rows[1].key, "later");
  EXPECT_EQ(now.rows[1].expires_ms, static_cast<double>(kViewedAt + 5000));
  EXPECT_EQ(read(0).live_rows, 2U) << "also beyond the limit";
  cluster_.wall().Advance(5000);
  EXPECT_EQ(read(10).live_rows, 2U) << "hidden strictly after";
  cluster_.wall().Advance(1);
  EXPECT_EQ(read(10).live_rows, 1U);
  Put("later", kViewedAt + 6000, "2");
  EXPECT_EQ(read(10).live_rows, 2U) << "the newer record does not expire";
}

TEST_F(ViewTest, CountsAreOfKeysThatClientsSee) {
  const auto count = [&](CellKind kind) {
    const auto parts = cluster_.Count(kind, "m");
    return std::accumulate(parts->begin(), parts->end(), uint64_t{0});
  };
  EXPECT_EQ(count(CellKind::kOr), 0U);
  Put("lww", kViewedAt, "1");
  for (const std::string_view key : {"a", "b", "c", "d"}) {
    OrWrite(OpKind::kOrAdd, key, std::string("first of ") + std::string(key), "\xc0");
  }
  OrWrite(OpKind::kOrAdd, "a", "second of a", "\xc0");
  EXPECT_EQ(count(CellKind::kOr), 4U);
  OrWrite(OpKind::kOrRemove, "a", "first of a");
  OrWrite(OpKind::kOrRemove, "b", "first of b");
  EXPECT_EQ(count(CellKind::kOr), 3U) << "a has a record left";
  cluster_.Prune(CellKind::kOr, "m", "b", "first of b");
  EXPECT_EQ(count(CellKind::kOr), 3U);
  EXPECT_EQ(count(CellKind::kLww), 1U) << "another map of the same name";
}

TEST_F(ViewTest, TagsAreResolvedToTheirKeys) {
  OrWrite(OpKind::kOrAdd, "a", "live", "\xc0");
  OrWrite(OpKind::kOrAdd, "b", "dead", "\xc0");
  OrWrite(OpKind::kOrRemove, "b", "dead");
  const auto parts = cluster_.ResolveTags("m", {"live", "dead", "unknown"});
  ASSERT_TRUE(parts.ok());
  std::vector<ResolvedTag> merged(3);
  for (const auto& part : *parts) {
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i].state != TagState::kUnknown) merged[i] = part[i];
    }
  }
  EXPECT_EQ(merged[0].state, TagState::kLive);
  EXPECT_EQ(merged[0].key, "a");
  EXPECT_EQ(merged[1].state, TagState::kDead);
  EXPECT_EQ(merged[1].key, "b");
  EXPECT_EQ(merged[2].state, TagState::kUnknown);
}

// ---- Dead tags ----

class DeadTagTest : public ViewTest {
 protected:
  void Declare(std::string_view tag, uint32_t shard_count = ViewCluster::kShards) {
    for (uint32_t shard = 0; shard < shard_count; ++shard) {
      WriteOp op;
      op.kind = OpKind::kDeadTag;
      op.tag = tag;
      ASSERT_EQ(cluster_.WriteTo(shard, "m", op), Outcome::kApplied);
    }
  }
  state::CellView Stored(std::string_view key, std::string_view tag) {
    const std::string* cell =
        cluster_.RedisOf(key).Find(CellKind::kOr, "m", state::CellField(CellKind::kOr, key, tag));
    state::CellView view;
    if (cell != nullptr) state::DecodeCell(*cell, &view);
    return view;
  }
};

TEST_F(DeadTagTest, ARecordThatComesLaterStaysDeadUnderItsKey) {
  Declare("t");
  EXPECT_EQ(OrWrite(OpKind::kOrAdd, "k", "t", "\xc0"), Outcome::kStale);
  EXPECT_TRUE(Stored("k", "t").tombstone);
  EXPECT_TRUE(Stored("k", "t").value.empty());
  EXPECT_EQ(OrWrite(OpKind::kOrAdd, "k", "other", "\xc0"), Outcome::kApplied);
  EXPECT_EQ(OrWrite(OpKind::kOrAdd, "k", "t", "\xc0"), Outcome::kStale) << "sent again";
  crdt::OrMap model(clock_, crdt::OrMap::Role::kServer);
  model.ApplyTombstone("t", "k");
  model.Apply("k", {"\xc0", {kViewedAt, 0, "client"}, "other", std::nullopt});
  ExpectTree(CellKind::kOr, model.tree());
}

TEST_F(DeadTagTest, TheTagsOfAnotherMapAreNotMeant) {
  WriteOp op;
  op.kind = OpKind::kDeadTag;
  op.tag = "t";
  ASSERT_EQ(cluster_.WriteTo(cluster_.ShardOf("k"), "n", op), Outcome::kApplied);
  EXPECT_EQ(OrWrite(OpKind::kOrAdd, "k", "t", "\xc0"), Outcome::kApplied);
}

TEST_F(DeadTagTest, AReplicaThatOpensTheShardLaterKnowsThem) {
  EXPECT_FALSE(cluster_.reader(0).may_have_dead_tags());
  Declare("t");
  cluster_.reader(0).OnConnected();  // catches up in the feed
  cluster_.scheduler().Advance(100);
  EXPECT_TRUE(cluster_.reader(0).may_have_dead_tags());
  // One that has never seen the feed, of a shard whose map is not loaded yet.
  FakeRedis& redis = cluster_.redis(1);
  redis.unloaded[state::MapId(CellKind::kOr, state::kDeadTagMap)] = {};
  redis.cells.clear();
  redis.feed.erase(redis.feed.begin(), redis.feed.end() - 1);
  cluster_.reader(1).OnConnected();
  cluster_.scheduler().Advance(100);
  EXPECT_TRUE(cluster_.reader(1).may_have_dead_tags());
}

TEST_F(DeadTagTest, AnUnloadedDeadTagIsLoadedBeforeARecordIsTaken) {
  const uint32_t shard = cluster_.ShardOf("k");
  FakeRedis& redis = cluster_.redis(shard);
  redis.unloaded[state::MapId(CellKind::kOr, state::kDeadTagMap)] = {};
  state::CellView dead;
  dead.version = {1, 1};
  dead.timestamp = {kViewedAt, 0, "n"};
  dead.tombstone = true;
  cluster_.owner(shard).rows = {{"m", "t", state::EncodeCell(dead)}};
  cluster_.reader(shard).OnConnected();
  cluster_.scheduler().Advance(100);
  EXPECT_EQ(cluster_.WriteAtReader("m",
                                   [] {
                                     WriteOp op;
                                     op.kind = OpKind::kOrAdd;
                                     op.key = "k";
                                     op.tag = "t";
                                     op.value = "\xc0";
                                     op.timestamp = {kViewedAt, 0, "client"};
                                     return op;
                                   }()),
            Outcome::kStale);
}

TEST_F(DeadTagTest, AShardAnswersForItsOwn) {
  Declare("t", 1);
  for (uint32_t shard = 0; shard < 2; ++shard) {
    std::vector<bool> dead;
    ReadDeadTags(cluster_.reader(shard), "m", {"t", "other"},
                 [&](StatusOr<std::vector<bool>> read) { dead = *std::move(read); });
    cluster_.scheduler().Advance(100);
    EXPECT_EQ(dead, (std::vector<bool>{shard == 0, false})) << shard;
  }
}

TEST(OrContent, ATagUnderTwoKeysIsLiveWhereItIs) {
  OrContent content;
  state::CellView cell;
  cell.version = {1, 1};
  cell.timestamp = {kViewedAt, 0, "n"};
  cell.value = "\xc0";
  content.Apply(0, "b", "t", state::EncodeCell(cell));
  cell.tombstone = true;
  cell.value = {};
  content.Apply(0, "a", "t", state::EncodeCell(cell));
  EXPECT_EQ(content.Resolve("t").state, TagState::kLive);
  EXPECT_EQ(content.Resolve("t").key, "b");
  content.DropShard(0);
  EXPECT_EQ(content.Resolve("t").state, TagState::kUnknown);
  EXPECT_EQ(content.Tree().size(), 0U);
  EXPECT_EQ(content.bytes(), 0U);
}

TEST(OrContent, CountsKeysUntilTheirLastRecordExpires) {
  OrContent content;
  uint64_t n = 0;
  const auto apply = [&](std::string_view key, std::string_view tag, double ttl_ms,
                         bool tombstone = false) {
    state::CellView cell;
    cell.version = {1, ++n};
    cell.timestamp = {kViewedAt, 0, "n"};
    cell.tombstone = tombstone;
    cell.has_ttl = ttl_ms > 0;
    cell.ttl_ms = ttl_ms;
    if (!tombstone) cell.value = "\xc0";
    content.Apply(0, key, tag, state::EncodeCell(cell));
  };
  apply("mortal", "t1", 1'000);
  apply("mortal", "t2", 2'000);
  apply("lasting", "t3", 1'000);
  apply("lasting", "t4", 0);
  EXPECT_EQ(content.LiveCount(kViewedAt), 2U);
  EXPECT_EQ(content.LiveCount(kViewedAt + 2'000), 2U) << "hidden strictly after";
  EXPECT_EQ(content.LiveCount(kViewedAt + 2'001), 1U);
  apply("lasting", "t4", 0, true);
  EXPECT_EQ(content.LiveCount(kViewedAt + 1'001), 1U)
      << "only the mortal one's second record is left";
  apply("mortal", "t1", 0);
  EXPECT_EQ(content.LiveCount(kViewedAt + 2'001), 1U) << "the newer record does not expire";
  content.DropShard(0);
  EXPECT_EQ(content.LiveCount(kViewedAt), 0U);
}

}  // namespace
}  // namespace topgun::sync
