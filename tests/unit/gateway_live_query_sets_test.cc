// What subscribers of filtered and limited queries have on show, and whose turn it is to be read
// (features.md 1.10).
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "live/known_keys.h"
#include "live/ranked_window.h"
#include "live/read_line.h"
#include "support/random.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;

// e.g. "LEAVE:b ENTER:c=3"
std::string Told(const RowUpdates& updates) {
  std::string text;
  for (const RowUpdate& update : updates) {
    if (!text.empty()) text.push_back(' ');
    text.append(wire::Name(update.change)).append(":").append(update.key);
    if (!update.value.empty()) text.append("=").append(update.value);
  }
  return text;
}

std::string Applied(ResultSet& set, const RowChange& change) {
  RowUpdates updates;
  set.Apply(change, updates);
  return Told(updates);
}

RowChange Removed(std::string_view key, bool was_live = true) {
  return {.key = key, .was_live = was_live};
}

class KnownKeysTest : public ::testing::Test {
 protected:
  static RowChange Selected(std::string_view key, std::string_view value, bool was_live = false) {
    return {.key = key, .selected = true, .was_live = was_live, .value = value};
  }

  ResultBudget budget_{.bytes_max = 1'000};
  KnownKeys keys_{10, budget_};
};

TEST_F(KnownKeysTest, RowsEnterUpdateAndLeaveByWhatWasShown) {
  keys_.Add({}, "a", "1");
  EXPECT_EQ(Applied(keys_, Selected("a", "2", true)), "UPDATE:a=2");
  EXPECT_EQ(Applied(keys_, Selected("b", "1", true)), "ENTER:b=1") << "it did not match before";
  EXPECT_EQ(Applied(keys_, Removed("a")), "LEAVE:a");
  EXPECT_EQ(Applied(keys_, Removed("a")), "");
  EXPECT_EQ(Applied(keys_, Removed("never seen")), "");
  EXPECT_TRUE(keys_.Holds("b"));
  EXPECT_FALSE(keys_.Holds("a"));
}

TEST_F(KnownKeysTest, ALaterSnapshotAddsToWhatIsShown) {
  keys_.Add({}, "old", "1");
  KnownKeys later(10, budget_);
  later.Add({}, "new", "1");
  RowUpdates updates;
  later.Succeed(keys_, updates);
  EXPECT_TRUE(updates.empty());
  EXPECT_EQ(Applied(later, Removed("old")), "LEAVE:old");
  EXPECT_EQ(Applied(later, Removed("new")), "LEAVE:new");
}

TEST_F(KnownKeysTest, BeyondItsShareItGoesByWhetherThereWasARecord) {
  for (int i = 0; i < 11; ++i) keys_.Add({}, std::to_string(i), "1");
  EXPECT_TRUE(keys_.blind());
  EXPECT_EQ(budget_.bytes, 0U);
  EXPECT_EQ(budget_.blind_sets, 1U);
  EXPECT_EQ(Applied(keys_, Selected("0", "1", true)), "UPDATE:0=1");
  EXPECT_EQ(Applied(keys_, Selected("x", "1")), "ENTER:x=1");
  EXPECT_EQ(Applied(keys_, Removed("y")), "LEAVE:y");
  EXPECT_EQ(Applied(keys_, Removed("y", false)), "");
  EXPECT_TRUE(keys_.Holds("anything"));

  KnownKeys later(10, budget_);
  RowUpdates updates;
  later.Succeed(keys_, updates);
  EXPECT_TRUE(later.blind()) << "what the others have on show is still not known";
}

TEST_F(KnownKeysTest, TheMemoryOfTheLoopIsLimitedToo) {
  KnownKeys first(1'000, budget_);
  KnownKeys second(1'000, budget_);
  for (int i = 0; i < 30; ++i) first.Add({}, std::to_string(i), "1");
  for (int i = 0; i < 30; ++i) second.Add({}, std::to_string(i), "1");
  EXPECT_FALSE(first.blind());
  EXPECT_TRUE(second.blind());
  EXPECT_EQ(budget_.bytes, first.bytes());
}

// Ranks are one letter and the key.
class RankedWindowTest : public ::testing::Test {
 protected:
  static RowChange Selected(std::string_view key, std::string_view rank) {
    return {.key = key, .selected = true, .rank = rank, .value = rank};
  }
  // Keys are the letters.
  void Fill(RankedWindow& window, std::string_view letters, bool has_more) {
    for (const char letter : letters) {
      const std::string row(1, letter);
      ASSERT_TRUE(window.Add(row + row, row, row + row));
    }
    window.Complete(has_more);
  }

  ResultBudget budget_{.bytes_max = 1'000'000};
  RankedWindow window_{2, 2, budget_};
};

// features.md 1.10, live-query-limit-clamp
TEST_F(RankedWindowTest, ABetterRowPushesTheWorstOneOut) {
  Fill(window_, "bde", false);
  EXPECT_EQ(Applied(window_, Selected("a", "aa")), "LEAVE:d ENTER:a=aa");
  EXPECT_EQ(Applied(window_, Selected("c", "cc")), "") << "behind the page";
}

TEST_F(RankedWindowTest, ARowThatLeavesIsReplacedByTheNextOne) {
  Fill(window_, "abc", false);
  EXPECT_EQ(Applied(window_, Removed("a")), "LEAVE:a ENTER:c=cc");
  EXPECT_EQ(Applied(window_, Removed("b")), "LEAVE:b");
  EXPECT_EQ(Applied(window_, Removed("b")), "");
  EXPECT_FALSE(window_.wants_read()) << "there are no others";
  EXPECT_EQ(Applied(window_, Selected("x", "xx")), "ENTER:x=xx");
}

TEST_F(RankedWindowTest, ARowThatStaysOnThePageIsUpdatedWhereverItGoes) {
  Fill(window_, "bcd", false);
  EXPECT_EQ(Applied(window_, {.key = "b", .selected = true, .rank = "bb", .value = "new"}),
            "UPDATE:b=new");
  EXPECT_EQ(Applied(window_, Selected("c", "ac")), "UPDATE:c=ac");
  EXPECT_EQ(Applied(window_, Selected("c", "cc")), "UPDATE:c=cc");
  EXPECT_EQ(Applied(window_, Selected("c", "xc")), "LEAVE:c ENTER:d=dd");
  EXPECT_EQ(Applied(window_, Selected("c", "yc")), "") << "behind the page before and after";
  EXPECT_EQ(Applied(window_, Selected("c", "cc")), "LEAVE:d ENTER:c=cc");
  EXPECT_EQ(Applied(window_, Selected("d", "ad")), "LEAVE:c ENTER:d=ad");
}

TEST_F(RankedWindowTest, WhatIsBeyondTheLastKnownRankCannotBePlaced) {
  Fill(window_, "abcd", true);
  EXPECT_EQ(Applied(window_, Selected("x", "xx")), "");
  EXPECT_FALSE(window_.Holds("x"));
  EXPECT_EQ(Applied(window_, Selected("a", "za")), "LEAVE:a ENTER:c=cc");
  EXPECT_FALSE(window_.Holds("a")) << "it may be behind rows that are not known";
  EXPECT_EQ(Applied(window_, Removed("b")), "LEAVE:b ENTER:d=dd");
  EXPECT_FALSE(window_.wants_read());
  EXPECT_EQ(Applied(window_, Removed("c")), "LEAVE:c");
  EXPECT_TRUE(window_.wants_read());
  EXPECT_EQ(Applied(window_, Selected("y", "yy")), "") << "there may be better ones";
  EXPECT_EQ(Applied(window_, Selected("a", "aa")), "ENTER:a=aa");
}

TEST_F(RankedWindowTest, ItAsksForMoreBeforeThePageIsTouched) {
  RankedWindow window(2, 8, budget_);
  Fill(window, "abcdefghij", true);
  for (const char* const key : {"j", "i", "h", "g", "f", "e"}) {
    EXPECT_EQ(Applied(window, Removed(key)), "");
  }
  EXPECT_FALSE(window.wants_read()) << "the page and a quarter of the reserve are left";
  EXPECT_EQ(Applied(window, Removed("d")), "");
  EXPECT_TRUE(window.wants_read());
}

TEST_F(RankedWindowTest, TheReserveDoesNotGrowForEver) {
  Fill(window_, "z", false);
  for (char letter = 'a'; letter < 'z'; ++letter) {
    const std::string row(1, letter);
    Applied(window_, Selected(row, row + row));
    EXPECT_LE(window_.size(), 6U);
  }
  EXPECT_EQ(Applied(window_, Removed("a")), "LEAVE:a ENTER:c=cc");
  EXPECT_FALSE(window_.Holds("z")) << "given up";
  EXPECT_EQ(Applied(window_, Selected("y", "yy")), "");
  for (const char* const key : {"b", "c", "d"}) Applied(window_, Removed(key));
  EXPECT_TRUE(window_.wants_read());
}

TEST_F(RankedWindowTest, ALaterWindowTellsWhatDiffersOnThePage) {
  Fill(window_, "abcd", true);
  RankedWindow later(2, 2, budget_);
  later.Add("aa", "a", "new");
  later.Add("ab", "x", "x");
  later.Add("bb", "b", "bb");
  later.Complete(false);
  RowUpdates updates;
  later.Succeed(window_, updates);
  EXPECT_EQ(Told(updates), "LEAVE:b ENTER:x=x UPDATE:a=new");
}

TEST_F(RankedWindowTest, WithLittleMemoryTheReserveIsShort) {
  ResultBudget little{.bytes_max = 3 * 250};
  RankedWindow window(2, 2, little);
  Fill(window, "abcd", false);
  EXPECT_EQ(window.size(), 3U);
  EXPECT_FALSE(window.wants_read()) << "reading again would give no more";
  EXPECT_EQ(Applied(window, Removed("a")), "LEAVE:a ENTER:c=cc");
  EXPECT_EQ(Applied(window, Removed("b")), "LEAVE:b");
  EXPECT_TRUE(window.wants_read());
}

TEST_F(RankedWindowTest, WithoutMemoryForThePageItIsOfNoUse) {
  ResultBudget little{.bytes_max = 250};
  {
    RankedWindow window(2, 2, little);
    EXPECT_TRUE(window.Add("a", "a", "1"));
    EXPECT_FALSE(window.Add("b", "b", "1"));
    EXPECT_TRUE(window.failed());
  }
  EXPECT_EQ(little.bytes, 0U);
  RankedWindow window(2, 2, little);
  EXPECT_TRUE(window.Add("a", "a", "1"));
  window.Complete(false);
  EXPECT_FALSE(window.failed());
  Applied(window, Selected("b", "b"));
  EXPECT_TRUE(window.failed());
  const ResultLoan loan(little, window.bytes());
  EXPECT_TRUE(little.Fits(240)) << "for the set that takes its place";
}

// Random changes: what a client makes of the updates is the page, and no row too many is ever
// shown.
TEST(RankedWindowPropertyTest, ThePageIsTheBestRowsOfAll) {
  const uint64_t seed = support::TestSeed();
  support::Random random(seed);
  for (int run = 0; run < 60; ++run) {
    const size_t limit = 1 + random.Below(5);
    const size_t reserve = random.Below(9);
    ResultBudget budget{.bytes_max = 1'000'000};
    std::map<std::string, std::string> all;  // rank by key
    const auto by_rank = [&all] {
      std::map<std::string, std::string> sorted;
      for (const auto& [key, rank] : all) sorted.emplace(rank, key);
      return sorted;
    };
    const auto read = [&] {
      auto window = std::make_unique<RankedWindow>(limit, reserve, budget);
      size_t rows = 0;
      for (const auto& [rank, key] : by_rank()) {
        if (rows == limit + reserve) break;
        window->Add(rank, key, rank);
        ++rows;
      }
      window->Complete(rows < all.size());
      return window;
    };
    std::map<std::string, std::string> shown;  // the client's rows
    const auto take = [&](const RowUpdates& updates) {
      for (const RowUpdate& update : updates) {
        if (update.change == wire::ChangeType::kLeave) {
          EXPECT_EQ(shown.erase(update.key), 1U);
        } else {
          EXPECT_EQ(shown.contains(update.key), update.change == wire::ChangeType::kUpdate);
          shown[update.key] = update.value;
        }
        EXPECT_LE(shown.size(), limit);
      }
    };
    auto window = read();
    for (int step = 0; step < 400; ++step) {
      const std::string key(1, static_cast<char>('a' + random.Below(26)));
      RowUpdates updates;
      std::string rank;
      if (random.OneIn(3)) {
        all.erase(key);
        window->Apply(Removed(key), updates);
      } else {
        rank = std::to_string(10 + random.Below(90)) + key;
        all[key] = rank;
        window->Apply({.key = key, .selected = true, .rank = rank, .value = rank}, updates);
      }
      take(updates);
      if (window->wants_read()) {
        auto later = read();
        RowUpdates differences;
        later->Succeed(*window, differences);
        window = std::move(later);
        take(differences);
      }
      std::map<std::string, std::string> best;
      for (const auto& [best_rank, best_key] : by_rank()) {
        if (best.size() < limit) best.emplace(best_key, best_rank);
      }
      ASSERT_EQ(shown, best) << "seed " << seed << ", run " << run << ", step " << step;
    }
    window.reset();
    EXPECT_EQ(budget.bytes, 0U);
  }
}

class ReadLineTest : public ::testing::Test {
 protected:
  // Those whose reads begin.
  std::vector<uint64_t> Begun() {
    std::vector<uint64_t> begun;
    while (const auto name = line_.Begin()) begun.push_back(*name);
    return begun;
  }

  const ReadLine::Time start_ = ReadLine::Time(std::chrono::hours(1));
  ReadLine line_{2};
};

TEST_F(ReadLineTest, OnlySoManyRunAtOnceAndTheOthersKeepTheirOrder) {
  for (const uint64_t name : {1, 2, 3, 4}) line_.Enter(name);
  EXPECT_EQ(Begun(), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(line_.waiting(), 2U);
  line_.Enter(1);
  line_.Enter(3);
  line_.End();
  EXPECT_EQ(Begun(), std::vector<uint64_t>{3});
  line_.End();
  line_.End();
  EXPECT_EQ(Begun(), (std::vector<uint64_t>{4, 1}));
}

TEST_F(ReadLineTest, WhoHasToWaitEntersInTimeAndOnce) {
  line_.EnterAt(1, start_ + milliseconds(10));
  line_.EnterAt(1, start_ + milliseconds(5));
  line_.EnterAt(1, start_ + milliseconds(20));
  line_.EnterAt(2, start_ + milliseconds(5));
  line_.Enter(2);
  line_.EnterAt(2, start_);
  EXPECT_EQ(Begun(), std::vector<uint64_t>{2});
  line_.Advance(start_ + milliseconds(4));
  EXPECT_EQ(Begun(), std::vector<uint64_t>{});
  line_.Advance(start_ + milliseconds(5));
  EXPECT_EQ(Begun(), std::vector<uint64_t>{1});
  line_.Advance(start_ + milliseconds(30));
  EXPECT_EQ(Begun(), std::vector<uint64_t>{});
}

}  // namespace
}  // namespace topgun::gateway
