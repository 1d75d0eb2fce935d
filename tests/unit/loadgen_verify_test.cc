#include <gtest/gtest.h>

#include <string>

#include "verify/compare.h"
#include "verify/ledger.h"

namespace topgun::loadgen {
namespace {

using wire::OpKind;

constexpr uint32_t kRun = 7;

class LwwCompareTest : public testing::Test {
 protected:
  static Op MakeOp(OpKind kind, uint64_t key, uint64_t id, int64_t millis) {
    return {.kind = kind, .map = 0, .key = key, .id = id, .stamp = {millis, 0}};
  }
  void Ack(uint32_t writer, Op op) {
    ledger_.OnSent(writer, op);
    ledger_.OnAcked(writer, op);
  }
  void Show(uint64_t key, uint32_t writer, uint64_t id) {
    rows_[key] = ValueStamp{{kRun, writer, id}, 1};
  }
  VerifyReport Compare() const {
    VerifyReport report;
    CompareLwwMap(ledger_, 0, rows_, &report);
    return report;
  }

  const KeySpace keys_{"m", MapType::kLww, 1, 10};
  Ledger ledger_{keys_, kRun, 3};
  LwwRows rows_;
};

TEST_F(LwwCompareTest, TheNewestAcknowledgedWriteMustShow) {
  Ack(0, MakeOp(OpKind::kPut, 1, 1, 100));
  Ack(1, MakeOp(OpKind::kPut, 1, 1, 200));
  Ack(2, MakeOp(OpKind::kPut, 1, 1, 150));
  Show(1, 1, 1);
  EXPECT_TRUE(Compare().passed());
  EXPECT_EQ(Compare().keys_checked, 1U);
  Show(1, 2, 1);
  EXPECT_EQ(Compare().stale, 1U);
  rows_.clear();
  EXPECT_EQ(Compare().missing, 1U);
  EXPECT_EQ(Compare().examples.size(), 1U);
}

TEST_F(LwwCompareTest, EqualTimesAreOrderedByNodeId) {
  Ack(2, MakeOp(OpKind::kPut, 1, 1, 100));
  Ack(0, MakeOp(OpKind::kPut, 1, 1, 100));
  Show(1, 2, 1);
  EXPECT_TRUE(Compare().passed());
}

TEST_F(LwwCompareTest, RemovedKeysMustBeAbsent) {
  Ack(0, MakeOp(OpKind::kPut, 1, 1, 100));
  Ack(0, MakeOp(OpKind::kRemove, 1, 2, 200));
  EXPECT_TRUE(Compare().passed());
  Show(1, 0, 1);
  EXPECT_EQ(Compare().resurrected, 1U);
}

TEST_F(LwwCompareTest, AnUnacknowledgedWriteMayWinOnlyWhenItIsNewer) {
  Ack(0, MakeOp(OpKind::kPut, 1, 1, 100));
  ledger_.OnUncertain(1, MakeOp(OpKind::kPut, 1, 5, 200));
  ledger_.OnUncertain(1, MakeOp(OpKind::kPut, 1, 4, 50));
  Show(1, 0, 1);
  EXPECT_TRUE(Compare().passed());
  Show(1, 1, 5);
  EXPECT_TRUE(Compare().passed());
  Show(1, 1, 4);
  EXPECT_EQ(Compare().stale, 1U);
}

TEST_F(LwwCompareTest, AnUnacknowledgedRemovalExcusesAnAbsentKey) {
  Ack(0, MakeOp(OpKind::kPut, 1, 1, 100));
  ledger_.OnUncertain(1, MakeOp(OpKind::kRemove, 1, 5, 200));
  EXPECT_TRUE(Compare().passed());
}

TEST_F(LwwCompareTest, ForeignValuesAreStale) {
  Ack(0, MakeOp(OpKind::kPut, 1, 1, 100));
  rows_[1] = std::nullopt;
  EXPECT_EQ(Compare().stale, 1U);
  rows_[1] = ValueStamp{{kRun + 1, 0, 1}, 1};
  EXPECT_EQ(Compare().stale, 1U);
}

TEST_F(LwwCompareTest, MergedLedgersKnowTheNewestOfBoth) {
  Ack(0, MakeOp(OpKind::kPut, 1, 1, 100));
  Ledger other(keys_, kRun, 3);
  Op newer = MakeOp(OpKind::kPut, 1, 9, 300);
  other.OnSent(1, newer);
  other.OnAcked(1, newer);
  ledger_.Merge(other);
  Show(1, 1, 9);
  EXPECT_TRUE(Compare().passed());
  EXPECT_EQ(ledger_.acked_ops(), 2U);
}

TEST_F(LwwCompareTest, PhantomAcksAreFindings) {
  Ack(0, MakeOp(OpKind::kPut, 1, 1, 100));
  Ack(0, MakeOp(OpKind::kRemove, 2, 2, 100));
  Show(1, 0, 1);
  EXPECT_EQ(ledger_.ClaimPhantomAcks(5), 2U);
  EXPECT_EQ(Compare().findings(), 2U);
}

class OrCompareTest : public testing::Test {
 protected:
  Op Add(int64_t millis, bool acked) {
    Op op{.kind = OpKind::kOrAdd, .map = 0, .key = 1, .id = ++last_id_, .stamp = {millis, 0}};
    ledger_.OnSent(0, op);
    if (acked) ledger_.OnAcked(0, op);
    return op;
  }
  void Remove(const Op& add, bool acked) {
    Op op{.kind = OpKind::kOrRemove, .map = 0, .key = 1, .id = ++last_id_, .stamp = {9'999, 0}};
    op.tag = add.stamp;
    op.tag_index = add.tag_index;
    ledger_.OnSent(0, op);
    if (acked) ledger_.OnAcked(0, op);
  }
  void See(const Op& add, bool removed = false) {
    sightings_.tags.push_back({add.stamp.millis, 0, 0, removed});
  }
  VerifyReport Compare(SightingKind kind) const {
    VerifyReport report;
    CompareOrMaps(ledger_, sightings_, kind, &report);
    return report;
  }

  const KeySpace keys_{"m", MapType::kOr, 1, 10};
  Ledger ledger_{keys_, kRun, 1};
  Sightings sightings_;
  uint64_t last_id_ = 0;
};

TEST_F(OrCompareTest, StateMustHoldWhatWasAddedAndNotWhatWasRemoved) {
  const Op kept = Add(1, true);
  const Op removed = Add(2, true);
  Remove(removed, true);
  const Op in_doubt = Add(3, true);
  Remove(in_doubt, false);
  Add(4, false);
  See(kept);
  EXPECT_TRUE(Compare(SightingKind::kState).passed());
  EXPECT_EQ(Compare(SightingKind::kState).tags_checked, 3U);
  See(in_doubt);
  EXPECT_TRUE(Compare(SightingKind::kState).passed());
  See(removed);
  EXPECT_EQ(Compare(SightingKind::kState).resurrected, 1U);
  sightings_.tags.clear();
  EXPECT_EQ(Compare(SightingKind::kState).missing, 1U);
}

TEST_F(OrCompareTest, EventsMustTellEveryAcknowledgedChange) {
  const Op kept = Add(1, true);
  const Op removed = Add(2, true);
  Remove(removed, true);
  See(kept);
  See(removed);
  EXPECT_EQ(Compare(SightingKind::kEvents).missing, 1U);  // the removal
  See(removed, true);
  EXPECT_TRUE(Compare(SightingKind::kEvents).passed());
}

TEST_F(OrCompareTest, TagsOfOthersAreIgnored) {
  const Op kept = Add(1, true);
  See(kept);
  sightings_.tags.push_back({77, 0, 0, false});
  sightings_.tags.push_back({1, 0, 9, false});
  EXPECT_TRUE(Compare(SightingKind::kState).passed());
}

TEST_F(OrCompareTest, PhantomAcksAreFindings) {
  See(Add(1, true));
  EXPECT_EQ(ledger_.ClaimPhantomAcks(2), 2U);
  EXPECT_EQ(Compare(SightingKind::kState).missing, 2U);
  EXPECT_EQ(Compare(SightingKind::kEvents).missing, 2U);
}

}  // namespace
}  // namespace topgun::loadgen
