// What may be acknowledged, and when: AckLedger (core.md 5.3).
#include "dispatch/ack_ledger.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace topgun::gateway {
namespace {

using wire::Op;
using wire::OpKind;
using wire::WriteConcern;

// Acks as text: "lastId" or "lastId[opId+ opId-]" with the results, "lost" for a lost frame.
class Recorder final : public AckLedger::Output {
 public:
  void OnAck(const wire::OpAckFrame& ack, AckLedger::Time /*received*/) override {
    std::string text(ack.last_id);
    if (!ack.results.empty()) text.push_back('[');
    for (const wire::OpResult& result : ack.results) {
      text.append(result.op_id).push_back(result.success ? '+' : '-');
    }
    if (!ack.results.empty()) text.push_back(']');
    said.push_back(text);
  }
  void OnResults(const wire::OpAckFrame& ack) override { OnAck(ack, {}); }
  void OnFrameLost() override { said.emplace_back("lost"); }
  void OnRejected(std::span<const std::string_view> ids, size_t count) override {
    std::string text = "409:" + std::to_string(count);
    for (const std::string_view id : ids) text.append(" ").append(id);
    said.push_back(text);
  }
  void OnTimedOut(std::span<const std::string_view> ids, size_t count) override {
    std::string text = "504:" + std::to_string(count);
    for (const std::string_view id : ids) text.append(" ").append(id);
    said.push_back(text);
  }

  std::vector<std::string> said;
};

Op MakeOp(std::string_view id, std::string_view value = "v") {
  Op op;
  op.kind = OpKind::kPut;
  op.map = "m";
  op.key = id;
  op.value = value;
  op.id = id;
  op.has_id = !id.empty();
  op.has_timestamp = true;
  op.timestamp = {1'000, 0, "client"};
  return op;
}

TEST(OpIdentityTest, EveryFieldCounts) {
  const Op op = MakeOp("17", "value");
  EXPECT_EQ(IdentityOf(op), IdentityOf(MakeOp("17", "value")));
  std::vector<Op> others(9, op);
  others[0].map = "n";
  others[1].key = "18";
  others[2].tag = "t";
  others[3].kind = OpKind::kRemove;
  others[4].value = "valuf";
  others[5].id = "18";
  others[6].timestamp.millis = 1'001;
  others[7].timestamp.counter = 1;
  others[8].timestamp.node_id = "clienu";
  others.push_back(op);
  std::swap(others.back().map, others.back().key);
  for (const Op& other : others) {
    EXPECT_NE(IdentityOf(other).high, IdentityOf(op).high);
    EXPECT_NE(IdentityOf(other).low, IdentityOf(op).low);
  }
}

class AckLedgerTest : public ::testing::Test {
 protected:
  // Adds a frame; returns the numbers of the ops that were new.
  std::vector<uint64_t> Frame(const std::vector<std::string_view>& ids) {
    std::vector<uint64_t> submitted;
    ledger_.BeginFrame({});
    for (const std::string_view id : ids) {
      if (const auto number = ledger_.Add(MakeOp(id), {})) submitted.push_back(*number);
    }
    ledger_.EndFrame();
    return submitted;
  }
  void Apply(const std::vector<uint64_t>& ops) {
    for (const uint64_t op : ops) ledger_.Done(op, OpOutcome::kApplied);
  }

  Recorder out_;
  ConcernStats stats_;
  AckLedger ledger_{out_, stats_};
};

using Said = std::vector<std::string>;

TEST_F(AckLedgerTest, AFrameIsAcknowledgedWhenItsLastOpIsDone) {
  const auto ops = Frame({"1", "2", "3"});
  Apply({ops[2], ops[0]});
  EXPECT_EQ(out_.said, Said{});
  Apply({ops[1]});
  EXPECT_EQ(out_.said, Said{"3"});
  EXPECT_TRUE(ledger_.empty());
}

TEST_F(AckLedgerTest, GoesOnWhereItWasAfterGivingItsMemoryBack) {
  Apply(Frame({"1", "2"}));
  ledger_.Trim();
  Apply(Frame({"3"}));
  EXPECT_EQ(out_.said, (Said{"2", "3"}));
}

TEST_F(AckLedgerTest, AcksLeaveInFrameOrder) {
  const auto first = Frame({"1"});
  const auto second = Frame({"2"});
  Apply(second);
  EXPECT_EQ(out_.said, Said{});
  Apply(first);
  EXPECT_EQ(out_.said, (Said{"1", "2"}));
}

TEST_F(AckLedgerTest, AnOpSentAgainJoinsTheOneInFlight) {
  const auto first = Frame({"1", "2"});
  const auto second = Frame({"1", "2", "3"});
  ASSERT_EQ(second.size(), 1U);
  Apply(second);
  EXPECT_EQ(out_.said, Said{});
  Apply(first);
  EXPECT_EQ(out_.said, (Said{"2", "3"}));
}

TEST_F(AckLedgerTest, AFrameOfRepeatsOnlyIsStillAcknowledged) {
  const auto first = Frame({"1", "2"});
  EXPECT_TRUE(Frame({"1", "2"}).empty());
  Apply(first);
  EXPECT_EQ(out_.said, (Said{"2", "2"}));
}

TEST_F(AckLedgerTest, AnAcknowledgedOpIsANewOneWhenItComesAgain) {
  Apply(Frame({"1"}));
  const auto again = Frame({"1"});
  EXPECT_EQ(again.size(), 1U);
  Apply(again);
  EXPECT_EQ(out_.said, (Said{"1", "1"}));
}

TEST_F(AckLedgerTest, TheSameIdWithAnotherValueIsAnotherOp) {
  ledger_.BeginFrame({});
  EXPECT_TRUE(ledger_.Add(MakeOp("1", "a"), {}));
  EXPECT_TRUE(ledger_.Add(MakeOp("1", "b"), {}));
  EXPECT_FALSE(ledger_.Add(MakeOp("1", "a"), {}));
  ledger_.EndFrame();
}

struct RefusalCase {
  std::string ops;  // one letter per op: g good, r refused on arrival, s refused by the service
  std::string ack;
  Said before = {};
};

class AckLedgerRefusalTest : public AckLedgerTest,
                             public ::testing::WithParamInterface<RefusalCase> {};

TEST_P(AckLedgerRefusalTest, LastIdCoversTheGoodPrefixAndResultsTheRest) {
  Apply(Frame({"7"}));
  ledger_.BeginFrame({});
  std::vector<std::pair<uint64_t, OpOutcome>> outcomes;
  for (size_t i = 0; i < GetParam().ops.size(); ++i) {
    const std::string id = std::to_string(11 + i);
    const char kind = GetParam().ops[i];
    if (kind == 'r') {
      ledger_.AddRefused(MakeOp(id), "no");
    } else {
      outcomes.emplace_back(*ledger_.Add(MakeOp(id), {}),
                            kind == 'g' ? OpOutcome::kApplied : OpOutcome::kRejected);
    }
  }
  ledger_.EndFrame();
  for (const auto& [op, outcome] : outcomes) ledger_.Done(op, outcome);
  Said said = {"7"};
  said.insert(said.end(), GetParam().before.begin(), GetParam().before.end());
  said.push_back(GetParam().ack);
  EXPECT_EQ(out_.said, said);
}

INSTANTIATE_TEST_SUITE_P(All, AckLedgerRefusalTest,
                         ::testing::Values(RefusalCase{"ggr", "12[13-]"},
                                           RefusalCase{"grg", "11[12-13+]"},
                                           RefusalCase{"rgg", "7[11-12+13+]"},
                                           RefusalCase{"rr", "7[11-12-]"},
                                           RefusalCase{"gsg", "11[12-13+]", {"409:1 12"}},
                                           RefusalCase{"s", "7[11-]", {"409:1 11"}}));

TEST_F(AckLedgerTest, NothingAcknowledgedYetIsNamedZero) {
  ledger_.BeginFrame({});
  ledger_.AddRefused(MakeOp("1"), "no");
  ledger_.EndFrame();
  EXPECT_EQ(out_.said, Said{"0[1-]"});
}

TEST_F(AckLedgerTest, ARefusedOpDoesNotHoldBackLaterFrames) {
  ledger_.BeginFrame({});
  ledger_.AddRefused(MakeOp("1"), "no");
  ledger_.EndFrame();
  Apply(Frame({"2", "3"}));
  EXPECT_EQ(out_.said, (Said{"0[1-]", "3"}));
}

TEST_F(AckLedgerTest, UnknownOnlyWhenNothingElseIsInFlight) {
  const auto without_id = Frame({""});
  const auto with_id = Frame({"5"});
  Apply(without_id);
  EXPECT_EQ(out_.said, Said{"0"});
  Apply(with_id);
  Apply(Frame({""}));
  EXPECT_EQ(out_.said, (Said{"0", "5", "unknown"}));
}

TEST_F(AckLedgerTest, AnEmptyBatchWaitsItsTurn) {
  const auto ops = Frame({"1"});
  Frame({});
  EXPECT_EQ(out_.said, Said{});
  Apply(ops);
  EXPECT_EQ(out_.said, (Said{"1", "unknown"}));
}

TEST_F(AckLedgerTest, AnEmptyBatchBeforeOpenOpsNamesNothingNew) {
  const auto first = Frame({"1"});
  Frame({});
  const auto last = Frame({"2"});
  Apply(first);
  EXPECT_EQ(out_.said, (Said{"1", "1"}));
  Apply(last);
  EXPECT_EQ(out_.said, (Said{"1", "1", "2"}));
}

TEST_F(AckLedgerTest, ALostOpLosesItsFrameAndEveryFrameThatRepeatsIt) {
  const auto first = Frame({"1", "2"});
  const auto second = Frame({"1", "2", "3"});
  ledger_.Done(first[1], OpOutcome::kOverloaded);
  Apply({first[0]});
  Apply(second);
  EXPECT_EQ(out_.said, (Said{"lost", "lost"}));
}

TEST_F(AckLedgerTest, AcksNameEveryOpUntilALostOneHasComeAgain) {
  const auto first = Frame({"1"});
  ledger_.Done(first[0], OpOutcome::kOverloaded);
  Apply(Frame({"2"}));
  EXPECT_EQ(out_.said, (Said{"lost", "0[2+]"}));
  const auto again = Frame({"1", "3"});
  EXPECT_EQ(again.size(), 2U);
  Apply(again);
  EXPECT_EQ(out_.said, (Said{"lost", "0[2+]", "3"}));
}

TEST_F(AckLedgerTest, AFrameThatWasDroppedOnArrivalLeavesAHole) {
  EXPECT_TRUE(ledger_.RememberLost(MakeOp("1"), WriteConcern::kApplied));
  Apply(Frame({"2"}));
  EXPECT_EQ(out_.said, Said{"0[2+]"});
}

TEST_F(AckLedgerTest, TooManyLostOpsAreReported) {
  bool within = true;
  for (size_t i = 0; i <= AckLedger::kHolesMax; ++i) {
    within = ledger_.RememberLost(MakeOp(std::to_string(i)), WriteConcern::kApplied);
  }
  EXPECT_FALSE(within);
}

TEST_F(AckLedgerTest, AReopenedOpHoldsItsFrameBack) {
  const auto ops = Frame({"1", "2"});
  Apply({ops[0]});
  ledger_.Reopen(ops[0]);
  Apply({ops[1]});
  EXPECT_EQ(out_.said, Said{});
  Apply({ops[0]});
  EXPECT_EQ(out_.said, Said{"2"});
  ledger_.Reopen(ops[0]);  // too late: its ack has left
  EXPECT_TRUE(ledger_.empty());
}

TEST_F(AckLedgerTest, OpsAwaitTheirAckUntilTheFrameIsThrough) {
  const auto ops = Frame({"1", "2"});
  Apply({ops[0]});
  EXPECT_TRUE(ledger_.AwaitsAck(ops[0]));
  Apply({ops[1]});
  EXPECT_FALSE(ledger_.AwaitsAck(ops[0]));
  EXPECT_FALSE(ledger_.AwaitsAck(ops[1]));
}

TEST_F(AckLedgerTest, BarriersRunAfterWhatCameBefore) {
  bool ran = false;
  ledger_.AddBarrier([&] { ran = true; });
  EXPECT_TRUE(ran);  // nothing to wait for

  ran = false;
  const auto before = Frame({"1"});
  ledger_.AddBarrier([&] { ran = true; });
  const auto after = Frame({"2"});
  Apply(after);
  EXPECT_FALSE(ran);
  Apply(before);
  EXPECT_TRUE(ran);
  EXPECT_EQ(out_.said, (Said{"1", "2"}));
}

// The stock client: every write sends everything unacknowledged again.
TEST_F(AckLedgerTest, AThousandResendsSubmitEveryOpOnce) {
  std::vector<std::string> names;
  std::vector<uint64_t> submitted;
  for (int i = 1; i <= 1'000; ++i) {
    names.push_back(std::to_string(i));
    const auto ops = Frame({names.begin(), names.end()});
    submitted.insert(submitted.end(), ops.begin(), ops.end());
  }
  EXPECT_EQ(submitted.size(), 1'000U);
  Apply(submitted);
  ASSERT_EQ(out_.said.size(), 1'000U);
  EXPECT_EQ(out_.said.back(), "1000");
  EXPECT_TRUE(ledger_.empty());
}

}  // namespace
}  // namespace topgun::gateway
