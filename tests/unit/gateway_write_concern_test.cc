// Write concerns and timeouts: what AckLedger says when ops ask for more or less than APPLIED
// (core.md 5.6).
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "dispatch/ack_ledger.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using wire::Op;
using wire::OpKind;
using wire::WriteConcern;

constexpr auto kForget = WriteConcern::kFireAndForget;
constexpr auto kMemory = WriteConcern::kMemory;
constexpr auto kApplied = WriteConcern::kApplied;
constexpr auto kReplicated = WriteConcern::kReplicated;
constexpr auto kPersisted = WriteConcern::kPersisted;

// Acks as text: `3 PERSISTED [1+APPLIED 2-APPLIED:timeout]`.
class AckRecorder final : public AckLedger::Output {
 public:
  void OnAck(const wire::OpAckFrame& ack, AckLedger::Time /*received*/) override {
    std::string text(ack.last_id);
    if (ack.achieved_level) text.append(" ").append(Name(*ack.achieved_level));
    std::string results;
    for (const wire::OpResult& result : ack.results) {
      results.append(results.empty() ? "" : " ").append(result.op_id);
      results.append(result.success ? "+" : "-").append(Name(result.achieved_level));
      if (result.error) results.append(":").append(*result.error);
    }
    if (!results.empty()) text.append(" [").append(results).append("]");
    said.push_back(text);
  }
  void OnResults(const wire::OpAckFrame& ack) override {
    OnAck(ack, {});
    said.back().insert(0, "early ");
  }
  void OnFrameLost() override { said.emplace_back("429"); }
  void OnRejected(std::span<const std::string_view> ids, size_t count) override {
    std::string text = "409 " + std::to_string(count);
    for (const std::string_view id : ids) text.append(" ").append(id);
    said.push_back(text);
  }
  void OnTimedOut(std::span<const std::string_view> ids, size_t count) override {
    std::string text = "504 " + std::to_string(count);
    for (const std::string_view id : ids) text.append(" ").append(id);
    said.push_back(text);
  }

  std::vector<std::string> said;
};

struct Asked {
  std::string_view id;
  WriteConcern concern = kApplied;
  bool named = false;
  int64_t timeout_ms = 0;
};

class WriteConcernTest : public ::testing::Test {
 protected:
  static Op MakeOp(std::string_view id) {
    Op op;
    op.kind = OpKind::kPut;
    op.map = "m";
    op.key = id;
    op.value = "v";
    op.id = id;
    op.has_id = !id.empty();
    op.has_timestamp = true;
    op.timestamp = {1'000, 0, "client"};
    return op;
  }
  // Adds a frame; returns the numbers of the ops that were new.
  std::vector<uint64_t> Frame(const std::vector<Asked>& ops) {
    std::vector<uint64_t> submitted;
    ledger_.BeginFrame(now_);
    for (const Asked& op : ops) {
      WriteTerms terms{.concern = op.concern, .named = op.named};
      if (op.timeout_ms > 0) terms.deadline = now_ + milliseconds(op.timeout_ms);
      if (const auto number = ledger_.Add(MakeOp(op.id), terms)) submitted.push_back(*number);
    }
    ledger_.EndFrame();
    return submitted;
  }
  void Apply(const std::vector<uint64_t>& ops) {
    for (const uint64_t op : ops) ledger_.Done(op, OpOutcome::kApplied);
  }
  bool Later(int64_t ms) {
    now_ += milliseconds(ms);
    return ledger_.Expire(now_);
  }
  // What was said since the last call.
  std::vector<std::string> Said() { return std::exchange(out_.said, {}); }
  int64_t Waiting(WriteConcern level) const { return stats_.waiting[IndexOf(level)]; }
  uint64_t Acked(WriteConcern level) const { return stats_.acked[IndexOf(level)]; }

  AckLedger::Time now_ = std::chrono::steady_clock::now();
  AckRecorder out_;
  ConcernStats stats_;
  AckLedger ledger_{out_, stats_};
};

using Texts = std::vector<std::string>;

// ---- Levels ----

TEST_F(WriteConcernTest, FireAndForgetIsAcknowledgedOnArrival) {
  const auto ops = Frame({{"1", kForget}});
  EXPECT_EQ(Said(), Texts{"1 FIRE_AND_FORGET"});
  EXPECT_FALSE(ledger_.AwaitsAck(ops[0]));
  Apply(ops);
  EXPECT_EQ(Said(), Texts{});
  EXPECT_EQ(Acked(kForget), 1U);
}

TEST_F(WriteConcernTest, MemoryIsAcknowledgedWhenAReplicaHoldsIt) {
  const auto ops = Frame({{"1", kMemory}});
  EXPECT_EQ(Said(), Texts{});
  EXPECT_EQ(Waiting(kMemory), 1);
  ledger_.ConcernMet(ops[0], kMemory);
  EXPECT_EQ(Said(), Texts{"1 MEMORY"});
  EXPECT_EQ(Waiting(kMemory), 0);
}

TEST_F(WriteConcernTest, MemoryIsAcknowledgedByTheCommitIfThatIsFirst) {
  Apply(Frame({{"1", kMemory}}));
  EXPECT_EQ(Said(), Texts{"1 APPLIED"});
}

class HighConcernTest : public WriteConcernTest,
                        public ::testing::WithParamInterface<WriteConcern> {};

TEST_P(HighConcernTest, TheCommitIsNotEnough) {
  const auto ops = Frame({{"1", GetParam()}});
  Apply(ops);
  EXPECT_EQ(Said(), Texts{});
  EXPECT_TRUE(ledger_.AwaitsAck(ops[0]));
  EXPECT_EQ(Waiting(GetParam()), 1);
  ledger_.ConcernMet(ops[0], GetParam());
  EXPECT_EQ(Said(), Texts{"1 " + std::string(Name(GetParam()))});
  EXPECT_FALSE(ledger_.AwaitsAck(ops[0]));
}

INSTANTIATE_TEST_SUITE_P(All, HighConcernTest, ::testing::Values(kReplicated, kPersisted));

TEST_F(WriteConcernTest, WhatTheClusterCannotDoIsNotClaimed) {
  const auto ops = Frame({{"1", kPersisted, true}});
  Apply(ops);
  ledger_.ConcernMet(ops[0], kApplied);  // there is no storage
  EXPECT_EQ(Said(), Texts{"1 APPLIED [1+APPLIED]"});
}

TEST_F(WriteConcernTest, ReplicatedMayBeAnsweredByPersistence) {
  const auto ops = Frame({{"1", kReplicated}});
  Apply(ops);
  ledger_.ConcernMet(ops[0], kPersisted);
  EXPECT_EQ(Said(), Texts{"1 PERSISTED"});
}

TEST_F(WriteConcernTest, AFrameHasReachedWhatTheLastOfItsOpsHas) {
  const auto ops = Frame({{"1", kPersisted}, {"2"}, {"3", kReplicated}});
  Apply(ops);
  EXPECT_EQ(Said(), Texts{});
  ledger_.ConcernMet(ops[0], kPersisted);
  ledger_.ConcernMet(ops[2], kReplicated);
  EXPECT_EQ(Said(), Texts{"3 APPLIED"});
  EXPECT_EQ(Acked(kApplied), 1U);
  EXPECT_EQ(Acked(kReplicated), 1U);
  EXPECT_EQ(Acked(kPersisted), 1U);
}

TEST_F(WriteConcernTest, OpsThatNameTheirLevelAreToldTheirOwn) {
  const auto ops = Frame({{"1", kPersisted, true}, {"2"}, {"3", kForget, true}});
  Apply(ops);
  ledger_.ConcernMet(ops[0], kPersisted);
  EXPECT_EQ(Said(), Texts{"3 APPLIED [1+PERSISTED 3+APPLIED]"});
}

TEST_F(WriteConcernTest, ARefusedOpHasReachedNothing) {
  const auto ops = Frame({{"1", kPersisted}, {"2", kPersisted}});
  ledger_.Done(ops[0], OpOutcome::kRejected);
  Apply({ops[1]});
  ledger_.ConcernMet(ops[1], kPersisted);
  EXPECT_EQ(Said(), (Texts{"409 1 1",
                           "0 PERSISTED [1-FIRE_AND_FORGET:operation rejected: older than what is "
                           "kept 2+PERSISTED]"}));
}

TEST_F(WriteConcernTest, NoLevelWhereEverythingIsRefused) {
  ledger_.BeginFrame(now_);
  ledger_.AddRefused(MakeOp("1"), "no");
  ledger_.EndFrame();
  EXPECT_EQ(Said(), Texts{"0 [1-FIRE_AND_FORGET:no]"});
}

TEST_F(WriteConcernTest, AcksStayInFrameOrderBehindOneThatWaitsForPersistence) {
  const auto first = Frame({{"1", kPersisted}});
  Apply(first);
  Apply(Frame({{"2"}}));
  EXPECT_EQ(Said(), Texts{});
  ledger_.ConcernMet(first[0], kPersisted);
  EXPECT_EQ(Said(), (Texts{"1 PERSISTED", "2 APPLIED"}));
}

TEST_F(WriteConcernTest, ReadsWaitForTheCommitOnly) {
  bool ran = false;
  const auto persisted = Frame({{"1", kPersisted}});
  ledger_.AddBarrier([&] { ran = true; });
  EXPECT_FALSE(ran);
  Apply(persisted);
  EXPECT_TRUE(ran);
  EXPECT_EQ(Said(), Texts{});
}

TEST_F(WriteConcernTest, ReadsWaitForTheCommitOfWhatIsAcknowledgedEarly) {
  bool ran = false;
  const auto ops = Frame({{"1", kForget}, {"2", kMemory}});
  ledger_.ConcernMet(ops[1], kMemory);
  EXPECT_EQ(Said(), Texts{"2 FIRE_AND_FORGET"});
  ledger_.AddBarrier([&] { ran = true; });
  EXPECT_FALSE(ledger_.empty());
  Apply({ops[0]});
  EXPECT_FALSE(ran);
  ledger_.Done(ops[1], OpOutcome::kOverloaded);
  EXPECT_TRUE(ran);
  EXPECT_TRUE(ledger_.empty());
}

TEST_F(WriteConcernTest, AnOpThatIsNotCommittedYetIsJoinedAfterItsAck) {
  const auto ops = Frame({{"1", kForget}});
  EXPECT_TRUE(Frame({{"1", kForget}}).empty());
  EXPECT_EQ(Said(), (Texts{"1 FIRE_AND_FORGET", "1 FIRE_AND_FORGET"}));
  Apply(ops);
  EXPECT_EQ(Frame({{"1", kForget}}).size(), 1U);
}

TEST_F(WriteConcernTest, TheSameOpWithAnotherConcernIsWaitedForByItself) {
  const auto first = Frame({{"1"}});
  const auto second = Frame({{"1", kPersisted}});
  ASSERT_EQ(second.size(), 1U);
  Apply(first);
  EXPECT_EQ(Said(), Texts{"1 APPLIED"});
  Apply(second);
  EXPECT_EQ(Said(), Texts{});
  ledger_.ConcernMet(second[0], kPersisted);
  EXPECT_EQ(Said(), Texts{"1 PERSISTED"});
}

TEST_F(WriteConcernTest, AnOpLostWithItsShardsTailIsPersistedAnew) {
  const auto ops = Frame({{"1", kPersisted}});
  Apply(ops);
  ledger_.Reopen(ops[0]);
  bool read = false;
  ledger_.AddBarrier([&] { read = true; });
  EXPECT_FALSE(read);
  Apply(ops);
  EXPECT_TRUE(read);
  EXPECT_EQ(Said(), Texts{});
  ledger_.ConcernMet(ops[0], kPersisted);
  EXPECT_EQ(Said(), Texts{"1 PERSISTED"});
}

TEST_F(WriteConcernTest, APersistedOpIsOpenAgainWhenItsShardIsReopened) {
  const auto ops = Frame({{"1", kMemory}, {"2", kPersisted}});
  Apply(ops);
  ledger_.Reopen(ops[0]);
  ledger_.Reopen(ops[1]);
  ledger_.ConcernMet(ops[0], kMemory);
  Apply({ops[1]});
  ledger_.ConcernMet(ops[1], kPersisted);
  EXPECT_EQ(Said(), Texts{"2 MEMORY"});
}

TEST_F(WriteConcernTest, AClosedConnectionWaitsForNothing) {
  {
    AckLedger ledger(out_, stats_);
    ledger.BeginFrame(now_);
    ledger.Add(MakeOp("1"), {.concern = kPersisted});
    ledger.Add(MakeOp("2"), {});
    ledger.EndFrame();
    EXPECT_EQ(Waiting(kPersisted), 1);
    EXPECT_EQ(Waiting(kApplied), 1);
  }
  EXPECT_EQ(Waiting(kPersisted), 0);
  EXPECT_EQ(Waiting(kApplied), 0);
}

// ---- Timeouts ----

TEST_F(WriteConcernTest, AnAppliedOpIsToldItsLevelWhenItsTimePasses) {
  const auto ops = Frame({{"1", kPersisted, false, 100}});
  Apply(ops);
  EXPECT_TRUE(Later(99));
  EXPECT_EQ(Said(), Texts{});
  EXPECT_FALSE(Later(1));
  EXPECT_EQ(Said(), Texts{"early 0 APPLIED [1-APPLIED:timeout]"});
  EXPECT_TRUE(ledger_.empty());
  EXPECT_EQ(stats_.timeouts_applied, 1U);
  ledger_.ConcernMet(ops[0], kPersisted);  // nobody waits any more
  EXPECT_EQ(Said(), Texts{});
  Apply(Frame({{"2"}}));
  EXPECT_EQ(Said(), Texts{"2 APPLIED"});
}

TEST_F(WriteConcernTest, AnOpThatIsNotAppliedInTimeIsAHole) {
  const auto ops = Frame({{"1", kApplied, false, 100}, {"2"}});
  Apply({ops[1]});
  Later(100);
  EXPECT_EQ(Said(), (Texts{"504 1 1", "0 APPLIED [2+APPLIED]"}));
  EXPECT_EQ(stats_.timeouts_unapplied, 1U);
  EXPECT_TRUE(ledger_.AwaitsAck(ops[0]));
  Apply(Frame({{"3"}}));
  EXPECT_EQ(Said(), Texts{"0 APPLIED [3+APPLIED]"});
  // It stays in flight, and is acknowledged by itself.
  Apply({ops[0]});
  EXPECT_EQ(Said(), Texts{"early 0 APPLIED [1+APPLIED]"});
  EXPECT_FALSE(ledger_.AwaitsAck(ops[0]));
  Apply(Frame({{"4"}}));
  EXPECT_EQ(Said(), Texts{"4 APPLIED"});
}

TEST_F(WriteConcernTest, AnOpThatIsAppliedTooLateForMoreIsToldSo) {
  const auto ops = Frame({{"1", kPersisted, false, 100}});
  Later(100);
  EXPECT_EQ(Said(), Texts{"504 1 1"});
  Apply(ops);
  EXPECT_EQ(Said(), Texts{"early 0 APPLIED [1-APPLIED:timeout]"});
}

TEST_F(WriteConcernTest, AnOpThatComesAgainAfterItsTimeoutIsWaitedForAgain) {
  const auto ops = Frame({{"1", kApplied, false, 100}});
  const auto between = Frame({{"2"}});
  Later(100);
  EXPECT_TRUE(Frame({{"1", kApplied, false, 100}, {"3"}}).size() == 1);
  EXPECT_EQ(Said(), Texts{"504 1 1"});
  // The frame between must not cover it, although it has come again.
  Apply(between);
  EXPECT_EQ(Said(), Texts{"0 APPLIED [2+APPLIED]"});
  Apply({between[0] + 1});
  EXPECT_EQ(Said(), Texts{});
  EXPECT_TRUE(ledger_.AwaitsAck(ops[0]));
  Apply(ops);
  EXPECT_EQ(Said(), Texts{"3 APPLIED"});
  EXPECT_TRUE(ledger_.empty());
}

TEST_F(WriteConcernTest, AnOpGivenUpAfterItsTimeoutIsANewOne) {
  const auto ops = Frame({{"1", kApplied, false, 100}});
  Later(100);
  ledger_.Done(ops[0], OpOutcome::kOverloaded);
  EXPECT_EQ(Said(), Texts{"504 1 1"});
  const auto again = Frame({{"1", kApplied, false, 100}});
  ASSERT_EQ(again.size(), 1U);
  Apply(again);
  EXPECT_EQ(Said(), Texts{"1 APPLIED"});
}

// A timeout promises an answer, even behind a frame that has none.
TEST_F(WriteConcernTest, AFinishedOpThatIsHeldBackIsAnsweredInTime) {
  const auto stuck = Frame({{"1", kPersisted}});
  Apply(stuck);
  Apply(Frame({{"2", kApplied, false, 100}, {"3"}}));
  Later(100);
  EXPECT_EQ(Said(), Texts{"early 0 APPLIED [2+APPLIED]"});
  EXPECT_EQ(stats_.timeouts_applied, 0U);
  ledger_.ConcernMet(stuck[0], kPersisted);
  EXPECT_EQ(Said(), (Texts{"1 PERSISTED", "3 APPLIED"}));
}

TEST_F(WriteConcernTest, AFrameThatWasAnsweredIsNotAcknowledgedOnceMore) {
  const auto stuck = Frame({{"1", kPersisted}});
  Apply(stuck);
  Apply(Frame({{"2", kApplied, false, 100}}));
  Later(100);
  Said();
  ledger_.ConcernMet(stuck[0], kPersisted);
  EXPECT_EQ(Said(), Texts{"1 PERSISTED"});
  EXPECT_TRUE(ledger_.empty());
}

TEST_F(WriteConcernTest, ARepeatedOpIsToldAgainWithItsSecondFrame) {
  Apply(Frame({{"1", kPersisted, false, 100}}));
  Frame({{"1", kPersisted, false, 300}});  // joins: the earlier deadline counts
  Later(100);
  EXPECT_EQ(Said(), (Texts{"early 0 APPLIED [1-APPLIED:timeout]", "1 APPLIED"}));
}

TEST_F(WriteConcernTest, WithoutAnIdOnlyTheFrameCanTell) {
  const auto ops = Frame({{"", kPersisted, false, 100}});
  Apply(ops);
  Later(100);
  EXPECT_EQ(Said(), Texts{"unknown APPLIED"});
  Frame({{"", kApplied, false, 100}});
  Later(100);
  EXPECT_EQ(Said(), Texts{"504 1"});
}

TEST_F(WriteConcernTest, AcknowledgedOpsHaveNoDeadlineAnyMore) {
  Apply(Frame({{"1", kApplied, false, 100}}));
  EXPECT_EQ(Said(), Texts{"1 APPLIED"});
  EXPECT_FALSE(ledger_.has_deadlines());
}

TEST_F(WriteConcernTest, OpsOfOneFrameMayHaveTheirOwnDeadlines) {
  const auto ops = Frame({{"1", kPersisted, false, 100}, {"2", kPersisted, false, 200}});
  Apply(ops);
  EXPECT_TRUE(Later(100));
  EXPECT_EQ(Said(), Texts{"early 0 APPLIED [1-APPLIED:timeout]"});
  ledger_.ConcernMet(ops[1], kPersisted);
  EXPECT_EQ(Said(), Texts{"2 PERSISTED"});
  EXPECT_FALSE(Later(100));
}

// ---- Holes ----

TEST_F(WriteConcernTest, AnAckBeforeALostOpCameAgainDoesNotCoverIt) {
  const auto lost = Frame({{"1"}});
  ledger_.Done(lost[0], OpOutcome::kOverloaded);
  const auto between = Frame({{"2"}});
  const auto again = Frame({{"1"}, {"3"}});
  Apply(between);
  EXPECT_EQ(Said(), (Texts{"429", "0 APPLIED [2+APPLIED]"}));
  Apply(again);
  EXPECT_EQ(Said(), Texts{"3 APPLIED"});
}

}  // namespace
}  // namespace topgun::gateway
