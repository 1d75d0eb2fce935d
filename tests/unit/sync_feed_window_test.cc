// The window of recent entries: what is in it, in how much memory.
#include "domain/feed_window.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "domain/shard_feed.h"

namespace topgun::sync {
namespace {

std::string TextAt(const ByteRing& ring, uint64_t address, size_t count) {
  std::string text(count, '\0');
  ring.Read(address, count, text.data());
  return text;
}

TEST(ByteRingTest, KeepsBytesAcrossBlocksAndTurns) {
  ByteRing ring(200'000);
  EXPECT_EQ(ring.held_bytes(), 0u);
  std::string all;
  for (int i = 0; all.size() < 1'000'000; ++i) {
    const std::string next(static_cast<size_t>(i % 977), static_cast<char>('a' + i % 26));
    if (ring.size() + next.size() > ring.capacity()) {
      ring.DropBefore(ring.end() + next.size() - ring.capacity());
    }
    ring.Append(next);
    all += next;
  }
  ASSERT_EQ(ring.end(), all.size());
  EXPECT_EQ(TextAt(ring, ring.begin(), ring.size()), all.substr(ring.begin()));
  EXPECT_EQ(ring.held_bytes(), ring.capacity());
}

TEST(ByteRingTest, TakesBlocksWhenBytesReachThem) {
  ByteRing ring(1 << 20);
  ring.Append("x");
  EXPECT_GT(ring.held_bytes(), 0u);
  EXPECT_LT(ring.held_bytes(), ring.capacity());
}

TEST(ByteRingTest, NeverHoldsMoreThanItMay) {
  for (const uint64_t bytes_max : {0u, 1u, 1024u, 65'535u, 65'536u, 65'537u, 200'001u}) {
    ByteRing ring(bytes_max);
    EXPECT_LE(ring.capacity(), bytes_max);
    EXPECT_GE(ring.capacity() + 4, bytes_max);
    ring.Append(std::string(ring.capacity(), 'x'));
    EXPECT_EQ(ring.held_bytes(), ring.capacity());
  }
}

class FeedWindowTest : public testing::Test {
 protected:
  static constexpr uint64_t kBytesMax = 100'000;

  static std::string EntryOf(std::string_view key, size_t value_bytes) {
    state::FeedEntryBuilder builder;
    state::ChangeView change;
    change.kind = state::CellKind::kLww;
    change.map = builder.MapIndex("m");
    change.key = key;
    const std::string cell(value_bytes, 'v');
    change.cell = cell;
    builder.Add(change);
    return builder.Build(7);
  }
  void Add(const state::Position& position, const std::string& bytes, uint64_t trace = 0) {
    FeedEntry entry;
    ASSERT_TRUE(entry.Decode(position, bytes, trace));
    window_.Add(entry);
  }
  // The keys of what is visited.
  std::optional<std::vector<std::string>> After(const state::Position& after) const {
    std::vector<std::string> keys;
    const auto note = [&](const FeedEntry& entry) {
      keys.emplace_back(entry.view.changes.at(0).key);
    };
    if (!window_.VisitAfter(after, note)) return std::nullopt;
    return keys;
  }

  using Keys = std::vector<std::string>;
  FeedWindow window_{kBytesMax};
};

TEST_F(FeedWindowTest, VisitsWhatCameAfterAPosition) {
  window_.Clear({1, 10});
  Add({1, 11}, EntryOf("a", 1), 5);
  Add({1, 12}, EntryOf("b", 1));
  Add({2, 13}, EntryOf("c", 1));
  EXPECT_EQ(After({1, 9}), std::nullopt);
  EXPECT_EQ(After({1, 10}), (Keys{"a", "b", "c"}));
  EXPECT_EQ(After({1, 11}), (Keys{"b", "c"}));
  EXPECT_EQ(After({1, 12}), (Keys{"c"}));
  EXPECT_EQ(After({2, 13}), Keys());
}

TEST_F(FeedWindowTest, GivesBackEntriesAsTheyCame) {
  window_.Clear({1, 10});
  const std::string bytes = EntryOf("a", 500);
  Add({1, 11}, bytes, 5);
  size_t visits = 0;
  window_.VisitAfter({1, 10}, [&](const FeedEntry& entry) {
    ++visits;
    EXPECT_EQ(entry.position, (state::Position{1, 11}));
    EXPECT_EQ(entry.bytes, bytes);
    EXPECT_EQ(entry.trace, 5u);
    EXPECT_EQ(entry.view.wall_ms, 7);
    EXPECT_EQ(entry.view.changes.at(0).cell.size(), 500u);
  });
  EXPECT_EQ(visits, 1u);
}

TEST_F(FeedWindowTest, ForgetsTheOldestForTheNext) {
  std::mt19937 random(1);
  window_.Clear({1, 0});
  std::deque<std::string> all;
  for (uint64_t n = 1; n <= 3000; ++n) {
    all.push_back("key-" + std::to_string(n));
    Add({1, n}, EntryOf(all.back(), random() % 2000));
    ASSERT_LE(window_.held_bytes(), kBytesMax);
    const uint64_t start = n - window_.entries();
    while (all.size() > window_.entries()) all.pop_front();
    ASSERT_EQ(After({1, start}), Keys(all.begin(), all.end()));
    if (start > 0) {
      ASSERT_EQ(After({1, start - 1}), std::nullopt);
    }
  }
  EXPECT_LT(all.size(), 3000u);
  EXPECT_GT(all.size(), 50u);
}

TEST_F(FeedWindowTest, BeginsAnewBehindAnEntryThatIsTooLarge) {
  window_.Clear({1, 0});
  Add({1, 1}, EntryOf("a", 1));
  Add({1, 2}, EntryOf("b", kBytesMax));
  EXPECT_EQ(window_.entries(), 0u);
  EXPECT_EQ(After({1, 1}), std::nullopt);
  EXPECT_EQ(After({1, 2}), Keys());
  Add({1, 3}, EntryOf("c", 1));
  EXPECT_EQ(After({1, 2}), (Keys{"c"}));
}

TEST_F(FeedWindowTest, AFeedWithoutRoomRemembersNothing) {
  ShardFeed feed(0, 0);
  feed.JumpTo({1, 1});
  const std::string bytes = EntryOf("a", 1);
  FeedEntry entry;
  ASSERT_TRUE(entry.Decode({1, 2}, bytes));
  EXPECT_EQ(feed.Accept(entry), ShardFeed::Accepted::kNext);
  EXPECT_EQ(feed.ring_bytes(), 0u);
  const auto visit = [](const FeedEntry&) { FAIL() << "nothing is there"; };
  EXPECT_FALSE(feed.VisitRecent({1, 1}, visit));
  EXPECT_TRUE(feed.VisitRecent({1, 2}, visit));
  EXPECT_FALSE(feed.VisitRecent({1, 3}, visit)) << "the feed has not come there";
}

}  // namespace
}  // namespace topgun::sync
