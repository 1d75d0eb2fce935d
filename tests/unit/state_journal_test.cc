// Sequences of the journal, and how pieces of it are merged.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "state/feed_entry.h"
#include "state/journal_page.h"
#include "state/journal_sequence.h"

namespace topgun::state {
namespace {

constexpr JournalSequence kSome{1'700'000'000'000, 7, 1'234, 2};

TEST(JournalSequenceTest, IsADecimalNumber) {
  EXPECT_EQ(SequenceText(kSome), "1700000000000007000000000000123400002");
  EXPECT_EQ(ParseJournalSequence("1700000000000007000000000000123400002"), kSome);
  EXPECT_EQ(SequenceText({0, 0, 1, 0}), "100000") << "without leading zeros, and above 0";
  EXPECT_EQ(SequenceText({0, 0, 0, 0}), "0");
}

TEST(JournalSequenceTest, TheLargestPartsFit) {
  const JournalSequence largest{1'700'000'000'000, kShardCountMax - 1, (uint64_t{1} << 53) - 1,
                                99'999};
  EXPECT_EQ(SequenceText(largest), "1700000000000270900719925474099199999");
  EXPECT_EQ(ParseJournalSequence(SequenceText(largest)), largest);
}

// By length, then by digits.
bool Below(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

TEST(JournalSequenceTest, NumbersAreOrderedLikeTheParts) {
  const std::vector<JournalSequence> ascending = {
      {0, 0, 1, 0},  {0, 0, 1, 1},   {0, 0, 2, 0},     {0, 3, 1, 0},
      {9, 0, 1, 0},  {9, 0, 1, 999}, {9, 0, 1'000, 0}, {9, 1, 1, 0},
      {10, 0, 1, 0}, {kSome},        {After(kSome)},   {After(After(kSome))}};
  for (size_t i = 1; i < ascending.size(); ++i) {
    EXPECT_LT(ascending[i - 1], ascending[i]);
    EXPECT_TRUE(Below(SequenceText(ascending[i - 1]), SequenceText(ascending[i])))
        << SequenceText(ascending[i - 1]) << " " << SequenceText(ascending[i]);
  }
}

TEST(JournalSequenceTest, AnyTextIsRead) {
  for (const std::string_view text :
       {"", "0", "000", "x", "-5", "+5", "1.5", "1e3", " 7", "0x10"}) {
    EXPECT_EQ(ParseJournalSequence(text), JournalSequence()) << text;
  }
  EXPECT_EQ(ParseJournalSequence("42"), (JournalSequence{0, 0, 0, 42}));
  EXPECT_EQ(ParseJournalSequence("0001700000000000007000000000000123400002"), kSome);
  // The number after the last index of a commit is below the next commit.
  EXPECT_EQ(ParseJournalSequence("1700000000000007000000000000123500000"),
            (JournalSequence{1'700'000'000'000, 7, 1'235, 0}));
  EXPECT_EQ(ParseJournalSequence(std::string(60, '9')).commit_ms,
            std::numeric_limits<uint64_t>::max());
}

TEST(JournalSequenceTest, FollowsFromTheCell) {
  CellView cell;
  cell.version = {12, 1'234};
  cell.commit_ms = 1'700'000'000'000;
  EXPECT_EQ(SequenceOf(cell, 7, 2), kSome);
  cell.commit_ms = -1;
  EXPECT_EQ(SequenceOf(cell, 7, 2).commit_ms, 0U);
}

TEST(JournalSequenceTest, EventsAreWhatClientsWrote) {
  EXPECT_TRUE(InJournal(CellKind::kLww, kChangeWasLive, "m"));
  EXPECT_TRUE(InJournal(CellKind::kOr, kChangeCreated, "m"));
  EXPECT_FALSE(InJournal(CellKind::kCounter, 0, "m"));
  EXPECT_FALSE(InJournal(CellKind::kLww, kChangePruned, "m"));
  EXPECT_FALSE(InJournal(CellKind::kLww, 0, kRestampMap));
}

struct Piece {
  JournalSequence sequence;
  size_t bytes = 1;
};
size_t BytesOf(const Piece& piece) { return piece.bytes; }

JournalPage<Piece> PageOf(uint32_t shard, std::vector<uint64_t> times,
                          std::optional<uint64_t> next = {}) {
  JournalPage<Piece> page;
  for (const uint64_t time : times) page.events.push_back({{time, shard, 1, 0}});
  if (next) page.next = JournalSequence{*next, shard, 0, 0};
  return page;
}

std::string Times(const JournalPage<Piece>& page) {
  std::string text;
  for (const Piece& piece : page.events) {
    text.append(std::to_string(piece.sequence.commit_ms)).append(" ");
  }
  return text.append("next ").append(page.next ? std::to_string(page.next->commit_ms)
                                               : std::string("none"));
}

TEST(JournalPageTest, MergesInTheOrderOfTheSequences) {
  EXPECT_EQ(Times(MergePages<Piece>({PageOf(0, {1, 4, 6}), PageOf(1, {2, 3, 7})}, {10, 100})),
            "1 2 3 4 6 7 next none");
}

TEST(JournalPageTest, WhatOnePartHasNotLookedAtEndsThePage) {
  EXPECT_EQ(Times(MergePages<Piece>({PageOf(0, {1, 4}, 5), PageOf(1, {2, 6, 7})}, {10, 100})),
            "1 2 4 next 5");
  EXPECT_EQ(Times(MergePages<Piece>({PageOf(0, {}, 3), PageOf(1, {3, 4}, 9)}, {10, 100})),
            "next 3");
}

TEST(JournalPageTest, IsCutToItsLimits) {
  EXPECT_EQ(Times(MergePages<Piece>({PageOf(0, {1, 4}), PageOf(1, {2})}, {2, 100})), "1 2 next 4");
  EXPECT_EQ(Times(MergePages<Piece>({PageOf(0, {1, 4}), PageOf(1, {2})}, {3, 100})),
            "1 2 4 next none");
  EXPECT_EQ(Times(MergePages<Piece>({PageOf(0, {1, 4})}, {0, 100})), "next 1");
  JournalPage<Piece> large = PageOf(0, {1, 2, 3});
  for (Piece& piece : large.events) piece.bytes = 60;
  EXPECT_EQ(Times(MergePages<Piece>({large}, {10, 120})), "1 2 next 3");
  EXPECT_EQ(Times(MergePages<Piece>({large}, {10, 5})), "1 next 2") << "one is always there";
}

}  // namespace
}  // namespace topgun::state
