// A replica's copies of cells never contradict the position it has reached in the feed.
#include "domain/feed_follower.h"

#include <gtest/gtest.h>

#include "state/keys.h"
#include "sync_fakes.h"

namespace topgun::sync {
namespace {

class FeedFollowerTest : public testing::Test {
 protected:
  FeedFollowerTest() {
    redis_.Open(1);
    follower_.feed().JumpTo(redis_.meta.tail);
    AppendCellId(cell_id_, state::CellKind::kLww, "m", "k");
    follower_.cache().Put(cell_id_, "old");
  }

  static std::string EntryThatWrites(std::string_view map, std::string_view cell) {
    state::FeedEntryBuilder builder;
    state::ChangeView change;
    change.kind = state::CellKind::kLww;
    change.map = builder.MapIndex(map);
    change.key = "k";
    change.cell = cell;
    builder.Add(change);
    return builder.Build(0);
  }
  // Up to what is committed now.
  Status CatchUp() {
    Status result = Unavailable("not called back");
    follower_.CatchUp(redis_.meta.tail, [&result](const Status& status) { result = status; });
    scheduler_.RunAll();
    return result;
  }
  std::string Cached() { return std::string(follower_.cache().Find(cell_id_).value_or("<none>")); }

  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  FakeRedis redis_;
  FakeStore store_{redis_, scheduler_};
  FeedFollower follower_{
      0, {.ring_bytes_max = 1 << 20, .cache_bytes_max = 1 << 20}, store_, probe_};
  std::string cell_id_;
};

TEST_F(FeedFollowerTest, TakesCellsOverFromTheFeed) {
  redis_.Append(EntryThatWrites("m", "new"));
  EXPECT_TRUE(CatchUp().ok());
  EXPECT_EQ(follower_.position(), redis_.meta.tail);
  EXPECT_EQ(Cached(), "new");
}

TEST_F(FeedFollowerTest, ForgetsWhatItHasWhenEntriesAreGone) {
  redis_.Append(EntryThatWrites("other", "new"));
  redis_.Append(EntryThatWrites("other", "new"));
  redis_.feed.erase(redis_.feed.end() - 2);
  EXPECT_TRUE(CatchUp().ok());
  EXPECT_EQ(follower_.position(), redis_.meta.tail);
  EXPECT_EQ(Cached(), "<none>");
  EXPECT_TRUE(follower_.rare_maps().dead_tags);
  EXPECT_TRUE(follower_.rare_maps().clamps);
}

TEST_F(FeedFollowerTest, ForgetsWhatItHasWhenAMapWasLoaded) {
  state::FeedEntryBuilder loaded;
  loaded.MapIndex("m");
  redis_.Append(loaded.Build(0));
  EXPECT_TRUE(CatchUp().ok());
  EXPECT_EQ(Cached(), "<none>");
}

TEST_F(FeedFollowerTest, KnowsARareMapFromItsFirstEntry) {
  Status learned = Unavailable("not called back");
  follower_.LearnRareMaps([&learned](const Status& status) { learned = status; });
  scheduler_.RunAll();
  EXPECT_TRUE(learned.ok());
  EXPECT_FALSE(follower_.rare_maps().clamps);
  redis_.Append(EntryThatWrites(state::kClampMap, "new"));
  EXPECT_TRUE(CatchUp().ok());
  EXPECT_TRUE(follower_.rare_maps().clamps);
  EXPECT_FALSE(follower_.rare_maps().dead_tags);
}

// The batch has put the new cell there already, under the op's own bytes.
TEST_F(FeedFollowerTest, LeavesTheCellsOfAnOwnCommitAlone) {
  const state::Position next{1, follower_.position().n + 1};
  const std::string bytes = EntryThatWrites("m", "new");
  FeedEntry entry;
  ASSERT_TRUE(entry.Decode(next, bytes));
  follower_.AcceptCommit(entry);
  EXPECT_EQ(follower_.position(), next);
  EXPECT_EQ(Cached(), "old");
}

}  // namespace
}  // namespace topgun::sync
