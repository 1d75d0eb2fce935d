// Writes beside the connections' own: outcomes, reopened ops, limits.
#include <gtest/gtest.h>

#include "dispatch/detached_writes.h"
#include "gateway_fakes.h"

namespace topgun::gateway {
namespace {

using Outcomes = std::vector<OpOutcome>;

class DetachedWritesTest : public testing::Test {
 protected:
  DetachedWritesTest() { writes.Bind(sink); }

  static wire::Op Put(std::string_view key) {
    wire::Op op;
    op.map = "m";
    op.key = key;
    op.value = "\x01";
    op.kind = wire::OpKind::kPut;
    return op;
  }

  // The outcomes end up in `done`.
  void Write(std::vector<wire::Op> ops) {
    writes.Write(ops, "origin", [this](std::span<const OpOutcome> outcomes) {
      done.emplace_back(outcomes.begin(), outcomes.end());
    });
  }

  metrics::Registry registry;
  Probe probe{registry, 0};
  FakeSink sink;
  FakeTurns turns;
  DetachedWrites writes{{.ops_max = 3, .patience = std::chrono::seconds(20)}, turns.defer(), probe};
  std::vector<Outcomes> done;
};

TEST_F(DetachedWritesTest, ReportsOneOutcomePerOpWhenAllAreFinished) {
  Write({Put("a"), Put("b")});
  ASSERT_EQ(sink.submitted.size(), 2U);
  EXPECT_EQ(sink.submitted[0].origin, "origin");
  EXPECT_TRUE(writes.AwaitsAck(sink.submitted[0].ref));
  writes.OnOpDone(sink.submitted[1].ref, OpOutcome::kRejected);
  EXPECT_TRUE(done.empty());
  writes.OnOpDone(sink.submitted[0].ref, OpOutcome::kApplied);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0], (Outcomes{OpOutcome::kApplied, OpOutcome::kRejected}));
  EXPECT_FALSE(writes.AwaitsAck(sink.submitted[0].ref));
  EXPECT_EQ(writes.waiting(), 0U);
}

TEST_F(DetachedWritesTest, WaitsAgainForReopenedOps) {
  Write({Put("a"), Put("b")});
  writes.OnOpDone(sink.submitted[0].ref, OpOutcome::kApplied);
  writes.OnOpReopened(sink.submitted[0].ref);
  writes.OnOpDone(sink.submitted[1].ref, OpOutcome::kApplied);
  EXPECT_TRUE(done.empty());
  writes.OnOpDone(sink.submitted[0].ref, OpOutcome::kApplied);
  EXPECT_EQ(done.size(), 1U);
  writes.OnOpReopened(sink.submitted[0].ref);  // too late to matter
  EXPECT_FALSE(writes.AwaitsAck(sink.submitted[0].ref));
}

TEST_F(DetachedWritesTest, RefusesWhatIsTooMuch) {
  Write({Put("a"), Put("b")});
  Write({Put("c"), Put("d")});
  EXPECT_TRUE(done.empty()) << "never inside the call";
  turns.Run();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0], (Outcomes{OpOutcome::kOverloaded, OpOutcome::kOverloaded}));
  EXPECT_EQ(sink.submitted.size(), 2U);
  sink.Answer(writes);
  Write({Put("c")});
  EXPECT_EQ(sink.submitted.size(), 1U);
}

TEST_F(DetachedWritesTest, TheLimitCanChange) {
  Write({Put("a"), Put("b")});
  writes.set_ops_max(1);  // below what waits already
  Write({Put("c")});
  turns.Run();
  EXPECT_EQ(done, (std::vector<Outcomes>{{OpOutcome::kOverloaded}}));
  EXPECT_EQ(writes.waiting(), 2U);
  sink.Answer(writes);
  Write({Put("c")});
  EXPECT_EQ(sink.submitted.size(), 1U);
}

TEST_F(DetachedWritesTest, RefusesWhileTheSinkIsOverloaded) {
  sink.overloaded = true;
  Write({Put("a")});
  turns.Run();
  EXPECT_EQ(done, (std::vector<Outcomes>{{OpOutcome::kOverloaded}}));
  EXPECT_TRUE(sink.submitted.empty());
}

TEST_F(DetachedWritesTest, GivesUpWhenPatienceEnds) {
  Write({Put("a"), Put("b")});
  writes.OnOpDone(sink.submitted[0].ref, OpOutcome::kApplied);
  const auto now = std::chrono::steady_clock::now();
  writes.Tick(now);
  EXPECT_TRUE(done.empty());
  writes.Tick(now + std::chrono::seconds(21));
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0], (Outcomes{OpOutcome::kApplied, OpOutcome::kOverloaded}));
  EXPECT_FALSE(writes.AwaitsAck(sink.submitted[1].ref));
  writes.OnOpDone(sink.submitted[1].ref, OpOutcome::kApplied);
  EXPECT_EQ(done.size(), 1U);
}

TEST_F(DetachedWritesTest, OpsThatChangeNothingAreAppliedInALaterTurn) {
  wire::Op nothing = Put("a");
  nothing.kind = wire::OpKind::kNothing;
  Write({nothing});
  Write({});
  EXPECT_TRUE(done.empty());
  turns.Run();
  EXPECT_EQ(done, (std::vector<Outcomes>{{OpOutcome::kApplied}, {}}));
}

TEST_F(DetachedWritesTest, CountsOfNodesHaveOneOutcomeEach) {
  const auto count = [this](const std::vector<CountedNode>& nodes) {
    writes.Count("likes", nodes, [this](std::span<const OpOutcome> outcomes) {
      done.emplace_back(outcomes.begin(), outcomes.end());
    });
  };
  count({{"n1", {5, 1}}, {"n2", {0, 2}}});
  ASSERT_EQ(sink.submitted.size(), 2U);
  EXPECT_EQ(sink.submitted[1].map, "likes");
  EXPECT_EQ(sink.submitted[1].key, "n2");
  EXPECT_EQ(sink.submitted[1].value, state::EncodeCounted({0, 2}));
  EXPECT_EQ(sink.submitted[1].origin, "") << "its writer is told as well";
  count({{"n3", {1, 0}}, {"n4", {1, 0}}});  // too many
  count({});
  turns.Run();
  EXPECT_EQ(done, (std::vector<Outcomes>{{OpOutcome::kOverloaded, OpOutcome::kOverloaded}, {}}));
  writes.OnOpDone(sink.submitted[0].ref, OpOutcome::kApplied);
  writes.OnOpDone(sink.submitted[1].ref, OpOutcome::kApplied);
  EXPECT_EQ(done.back(), (Outcomes{OpOutcome::kApplied, OpOutcome::kApplied}));
}

TEST_F(DetachedWritesTest, TheRouterKeepsConnectionsApart) {
  DispatchHarness harness;
  FakeSession session;
  harness.table.OnOpen(session);
  harness.detached.Write(std::vector{Put("a")}, "", [this](std::span<const OpOutcome> outcomes) {
    done.emplace_back(outcomes.begin(), outcomes.end());
  });
  const OpRef ref = harness.sink.submitted.at(0).ref;
  EXPECT_TRUE(harness.written.AwaitsAck(ref));
  harness.sink.Answer(harness.written);
  EXPECT_EQ(done.size(), 1U);
  EXPECT_FALSE(harness.written.AwaitsAck(ref));
}

}  // namespace
}  // namespace topgun::gateway
