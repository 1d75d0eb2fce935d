// One shard's lane: batching, retries, moves, incarnations; no network.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "backend/shard_lane.h"
#include "metrics/registry.h"
#include "topgun/crdt/v1/crdt.pb.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using wire::WriteConcern;

class FakeLedger final : public WriteObserver {
 public:
  void OnOpDone(const OpRef& ref, OpOutcome outcome) override { done[ref.op] = outcome; }
  void OnConcernMet(const OpRef& ref, WriteConcern level) override { met[ref.op] = level; }
  void OnOpReopened(const OpRef& ref) override { done.erase(ref.op); }
  void OnRestamped(const OpRef& ref, const RestampedOp& op) override {
    restamped[ref.op] =
        std::string(op.map) + "/" + std::string(op.key) + "=" + std::string(op.value);
  }
  bool AwaitsAck(const OpRef& ref) const override {
    return ref.op >= acked_below && !acked.contains(ref.op);
  }

  std::map<uint64_t, OpOutcome> done;
  std::map<uint64_t, WriteConcern> met;
  std::map<uint64_t, std::string> restamped;
  uint64_t acked_below = 0;
  std::set<uint64_t> acked;
};

class LaneTest : public ::testing::Test {
 protected:
  LaneTest() { lane_.MoveTo(kHere, now_); }

  void Append(uint64_t number, WriteConcern concern = WriteConcern::kApplied) {
    wire::Op op;
    op.kind = wire::OpKind::kPut;
    op.map = "m";
    op.key = "k";
    op.value = "v";
    op.has_timestamp = true;
    op.timestamp = {1, 0, "n"};
    lane_.Append(op, concern, "origin", {.connection = {}, .op = number});
  }
  // Takes the next part and sends it.
  PartPtr Take() {
    PartPtr part = lane_.TakeNext(now_);
    if (part != nullptr) part->message();
    return part;
  }
  void Commit(const PartPtr& part, uint64_t incarnation = 1, uint64_t n = 1) {
    lane_.OnCommitted(part->id(), {.position = {incarnation, n}, .outcomes = {}});
  }
  static std::vector<uint64_t> OpsOf(const PartPtr& part) {
    std::vector<uint64_t> ops;
    for (const OpRef& ref : part->refs()) ops.push_back(ref.op);
    return ops;
  }

  // Lanes only compare replicas.
  static inline int storage_[2];
  Replica* const kHere = reinterpret_cast<Replica*>(&storage_[0]);
  Replica* const kThere = reinterpret_cast<Replica*>(&storage_[1]);

  metrics::Registry registry_;
  Probe probe_{registry_, 0};
  MemoryBudget budget_{1'000'000, probe_};
  FakeLedger ledger_;
  ShardLane lane_{3, budget_, ledger_};
  ShardLane::Time now_ = std::chrono::steady_clock::now();
};

using Ops = std::vector<uint64_t>;
using Levels = std::map<uint64_t, WriteConcern>;

TEST_F(LaneTest, ABatchIsWhatArrivedWhileTwoWereInFlight) {
  Append(0);
  const PartPtr first = Take();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(ShardOfPart(first->id()), 3U);
  Append(1);
  const PartPtr second = Take();
  ASSERT_NE(second, nullptr);
  Append(2);
  Append(3);
  EXPECT_EQ(Take(), nullptr);
  Commit(first);
  EXPECT_EQ(OpsOf(Take()), (Ops{2, 3}));
}

TEST_F(LaneTest, WhatANodeHasCountedTravelsAsAnOpWithoutAStamp) {
  Append(0);
  lane_.AppendCounted("likes", {.node = "n1", .counted = {5, 1}}, {.connection = {}, .op = 1});
  const PartPtr part = Take();
  EXPECT_EQ(OpsOf(part), (Ops{0, 1}));
  const sync::v1::ApplyPart& message = part->message();
  EXPECT_EQ(message.kinds()[1], crdt::v1::OP_KIND_COUNTER);
  EXPECT_EQ(message.maps(static_cast<int>(message.map_index(1))), "likes");
  EXPECT_EQ(message.nodes(static_cast<int>(message.node_index(1))), "");
  EXPECT_EQ(message.origins(static_cast<int>(message.origin_index(1))), "");
  EXPECT_EQ(message.keys(), "kn1");
  EXPECT_EQ(message.values(), "v" + state::EncodeCounted({5, 1}));
  EXPECT_EQ(message.millis(1), 0);
}

TEST_F(LaneTest, PartsOfAFollowedFrameGetATraceOnce) {
  hops::Recorder recorder;
  Tracer tracer(&recorder);
  const auto follow = [&](uint64_t first_op) {
    Tracer::Frame frame;
    lane_.Follow({.connection = {}, .op = first_op}, tracer, frame);
    return frame.parts;
  };
  Append(0);
  EXPECT_TRUE(follow(1).empty()) << "it holds only what came before";
  // A frame that fills one part and begins the next.
  for (uint64_t i = 1; i <= Part::kOpsMax; ++i) Append(i);
  const std::vector<uint64_t> traces = follow(1);
  ASSERT_EQ(traces.size(), 2U);
  EXPECT_NE(traces[0], traces[1]);
  EXPECT_EQ(follow(1), traces);
  const PartPtr first = Take();
  const PartPtr second = Take();
  EXPECT_EQ(first->trace(), traces[1]);
  EXPECT_EQ(first->message().kinds().size(), first->refs().size()) << "it was still being filled";
  EXPECT_EQ(second->trace(), traces[0]);
  EXPECT_EQ(lane_.InFlight(first->id()), first.get());
  Commit(first);
  EXPECT_EQ(lane_.InFlight(first->id()), nullptr);
}

TEST_F(LaneTest, PartsAreCutByCountAndBytes) {
  for (uint64_t i = 0; i <= Part::kOpsMax; ++i) Append(i);
  EXPECT_EQ(Take()->refs().size(), Part::kOpsMax);
  EXPECT_EQ(Take()->refs().size(), 1U);

  ShardLane large(0, budget_, ledger_);
  large.MoveTo(kHere, now_);
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  const std::string value(Part::kBytesMax, 'x');
  op.value = value;
  large.Append(op, WriteConcern::kApplied, "", {});
  large.Append(op, WriteConcern::kApplied, "", {});
  EXPECT_EQ(large.TakeNext(now_)->refs().size(), 1U);
}

TEST_F(LaneTest, OutcomesReachTheLedger) {
  Append(0);
  Append(1);
  const PartPtr part = Take();
  const std::string outcomes = {crdt::v1::OUTCOME_STALE, crdt::v1::OUTCOME_REJECTED};
  lane_.OnCommitted(part->id(), {.position = {1, 1}, .outcomes = outcomes});
  EXPECT_EQ(ledger_.done.at(0), OpOutcome::kApplied);
  EXPECT_EQ(ledger_.done.at(1), OpOutcome::kRejected);
}

TEST_F(LaneTest, AnUnavailableShardIsTriedAgainAfterABackoff) {
  Append(0);
  const PartPtr part = Take();
  lane_.OnUnavailable(part->id(), now_);
  EXPECT_EQ(Take(), nullptr);
  now_ += milliseconds(50);
  EXPECT_EQ(Take(), part);
  EXPECT_TRUE(ledger_.done.empty());
}

TEST_F(LaneTest, WhatNobodyWaitsForIsNotTriedAgain) {
  Append(0);
  const PartPtr part = Take();
  ledger_.acked_below = 1;  // as for a connection that has gone
  lane_.OnUnavailable(part->id(), now_);
  now_ += milliseconds(50);
  EXPECT_EQ(Take(), nullptr);
  EXPECT_TRUE(lane_.empty());
}

TEST_F(LaneTest, AnOverloadedShardGivesTheOpsBack) {
  Append(0);
  const PartPtr part = Take();
  lane_.OnOverloaded(part->id(), now_);
  EXPECT_EQ(ledger_.done.at(0), OpOutcome::kOverloaded);
  EXPECT_TRUE(lane_.empty());
}

TEST_F(LaneTest, ALostStreamSendsEverythingAgainInOrder) {
  Append(0);
  const PartPtr first = Take();
  Append(1);
  const PartPtr second = Take();
  Append(2);
  EXPECT_EQ(lane_.Resend(), 2U);
  lane_.MoveTo(kThere, now_);
  EXPECT_EQ(lane_.replica(), kThere);
  EXPECT_EQ(Take(), first);
  EXPECT_EQ(Take(), second);
  Commit(first);
  EXPECT_EQ(OpsOf(Take()), Ops{2});
}

TEST_F(LaneTest, AMoveWaitsForWhatIsInFlight) {
  Append(0);
  const PartPtr part = Take();
  lane_.MoveTo(kThere, now_);
  Append(1);
  EXPECT_EQ(Take(), nullptr);
  EXPECT_EQ(lane_.replica(), kHere);
  Commit(part);
  EXPECT_EQ(lane_.replica(), kThere);
  EXPECT_EQ(OpsOf(Take()), Ops{1});
}

TEST_F(LaneTest, AMoveDoesNotWaitForEver) {
  Append(0);
  const PartPtr part = Take();
  lane_.MoveTo(kThere, now_);
  EXPECT_EQ(lane_.Tick(now_ + milliseconds(900)), 0U);
  EXPECT_EQ(lane_.Tick(now_ + ShardLane::kMovePatience), 1U);
  EXPECT_EQ(lane_.replica(), kThere);
  EXPECT_EQ(Take(), part);
  Commit(part);
  Commit(part);  // the late answer of the first replica
  EXPECT_EQ(ledger_.done.size(), 1U);
}

TEST_F(LaneTest, AMoveBackIsNoMove) {
  Append(0);
  Take();
  lane_.MoveTo(kThere, now_);
  lane_.MoveTo(kHere, now_);
  Append(1);
  EXPECT_NE(Take(), nullptr);
}

TEST_F(LaneTest, BytesAreKeptUntilTheAckHasLeft) {
  Append(0);
  PartPtr part = Take();
  Commit(part);
  part.reset();
  EXPECT_GT(budget_.bytes(), 0U);
  ledger_.acked_below = 1;
  lane_.Tick(now_);
  EXPECT_EQ(budget_.bytes(), 0U);
}

TEST_F(LaneTest, AHigherIncarnationSendsCommittedButUnacknowledgedPartsAgain) {
  Append(0);
  const PartPtr lost = Take();
  Commit(lost, 1);
  Append(1);
  const PartPtr next = Take();
  Commit(next, 2);
  EXPECT_FALSE(ledger_.done.contains(0));  // open again
  EXPECT_EQ(Take(), lost);
  Commit(lost, 2);
  EXPECT_TRUE(ledger_.done.contains(0));
  EXPECT_EQ(Take(), nullptr);
}

TEST_F(LaneTest, ALateResultOfAnOldIncarnationDoesNotCount) {
  Append(0);
  const PartPtr part = Take();
  lane_.OnIncarnation(5);
  Commit(part, 4);
  EXPECT_TRUE(ledger_.done.empty());
  EXPECT_EQ(Take(), part);
}

TEST_F(LaneTest, AcknowledgedPartsAreNotSentAgain) {
  Append(0);
  Commit(Take(), 1);
  ledger_.acked_below = 1;
  lane_.OnIncarnation(2);
  EXPECT_EQ(Take(), nullptr);
}

// ---- Write concerns ----

TEST_F(LaneTest, MemoryIsMetWhenAReplicaHoldsThePart) {
  Append(0, WriteConcern::kMemory);
  Append(1);
  const PartPtr part = Take();
  EXPECT_TRUE(part->message().report_accepted());
  lane_.OnAccepted(part->id());
  lane_.OnAccepted(part->id() + (1 << kShardBits));  // unknown
  EXPECT_EQ(ledger_.met, (Levels{{0, WriteConcern::kMemory}}));
  EXPECT_TRUE(ledger_.done.empty());
}

TEST_F(LaneTest, DefaultPartsAskForNothing) {
  Append(0);
  const PartPtr part = Take();
  EXPECT_FALSE(part->message().report_accepted());
  EXPECT_EQ(part->message().replicate_ms(), 0U);
  Commit(part);
  EXPECT_TRUE(ledger_.met.empty());
}

TEST_F(LaneTest, ReplicatedIsMetByTheResultThatConfirmsIt) {
  Append(0, WriteConcern::kReplicated);
  const PartPtr part = Take();
  EXPECT_GT(part->message().replicate_ms(), 0U);
  lane_.OnCommitted(part->id(), {.position = {1, 1}, .outcomes = {}, .replicated = true});
  EXPECT_EQ(ledger_.met, (Levels{{0, WriteConcern::kReplicated}}));
}

TEST_F(LaneTest, OpsThatDoNotAskForReplicationDoNotWaitForIt) {
  Append(0);
  Append(1, WriteConcern::kReplicated);
  Append(2);
  const PartPtr first = Take();
  const PartPtr second = Take();
  EXPECT_EQ(OpsOf(first), Ops{0});
  EXPECT_EQ(OpsOf(second), Ops{1});
  Commit(first);
  EXPECT_EQ(OpsOf(Take()), Ops{2});
}

TEST_F(LaneTest, OrdinaryPartsPassThoseThatWaitForReplicas) {
  std::vector<PartPtr> replicating;
  for (uint64_t i = 0; i < ShardLane::kReplicatingMax; ++i) {
    Append(i, WriteConcern::kReplicated);
    replicating.push_back(Take());
    ASSERT_NE(replicating.back(), nullptr);
  }
  Append(100);
  EXPECT_EQ(OpsOf(Take()), Ops{100});
  Append(101, WriteConcern::kReplicated);
  EXPECT_EQ(Take(), nullptr);  // too many
  Commit(replicating.front());
  EXPECT_EQ(OpsOf(Take()), Ops{101});
}

TEST_F(LaneTest, UnconfirmedReplicationIsMetByPersistence) {
  Append(0, WriteConcern::kReplicated);
  Commit(Take(), 1, 7);
  EXPECT_TRUE(ledger_.met.empty());
  lane_.OnPersisted({1, 7});
  EXPECT_EQ(ledger_.met, (Levels{{0, WriteConcern::kPersisted}}));
}

TEST_F(LaneTest, PersistedIsMetWhenThePositionIs) {
  Append(0, WriteConcern::kPersisted);
  Commit(Take(), 1, 7);
  Append(1, WriteConcern::kPersisted);
  Commit(Take(), 1, 8);
  EXPECT_EQ(ledger_.done.size(), 2U);
  lane_.OnPersisted({1, 6});
  EXPECT_TRUE(ledger_.met.empty());
  lane_.OnPersisted({1, 7});
  EXPECT_EQ(ledger_.met, (Levels{{0, WriteConcern::kPersisted}}));
  lane_.OnPersisted({1, 5});  // of a replica that lags
  lane_.OnPersisted({1, 8});
  EXPECT_EQ(ledger_.met.size(), 2U);
}

TEST_F(LaneTest, APositionThatIsPersistedAlreadyIsNotWaitedFor) {
  lane_.OnPersisted({1, 9});
  Append(0, WriteConcern::kPersisted);
  Commit(Take(), 1, 9);
  EXPECT_EQ(ledger_.met, (Levels{{0, WriteConcern::kPersisted}}));
}

TEST_F(LaneTest, WithoutStorageCommittedIsAllThereIs) {
  Append(0, WriteConcern::kPersisted);
  Append(1);
  lane_.OnCommitted(Take()->id(), {.position = {1, 1}, .outcomes = {}, .never_persisted = true});
  EXPECT_EQ(ledger_.met, (Levels{{0, WriteConcern::kApplied}}));
}

TEST_F(LaneTest, PersistenceOfAnotherIncarnationDoesNotCount) {
  lane_.OnPersisted({1, 100});
  Append(0, WriteConcern::kPersisted);
  Commit(Take(), 2, 7);
  EXPECT_TRUE(ledger_.met.empty());
  lane_.OnPersisted({1, 101});
  EXPECT_TRUE(ledger_.met.empty());
  lane_.OnPersisted({2, 7});
  EXPECT_EQ(ledger_.met.size(), 1U);
}

TEST_F(LaneTest, AShardOpenedAnewGetsWhatWaitsForPersistenceAgain) {
  Append(0, WriteConcern::kPersisted);
  const PartPtr part = Take();
  Commit(part, 1, 7);
  lane_.OnPersisted({2, 50});  // says that the tail may have been lost, not that 1-7 is there
  EXPECT_TRUE(ledger_.met.empty());
  EXPECT_FALSE(ledger_.done.contains(0));
  EXPECT_EQ(Take(), part);
  Commit(part, 2, 51);
  EXPECT_TRUE(ledger_.met.empty());
  lane_.OnPersisted({2, 51});
  EXPECT_EQ(ledger_.met.size(), 1U);
}

TEST_F(LaneTest, WhatWaitsForPersistenceCountsAsMemoryInUse) {
  Append(0, WriteConcern::kPersisted);
  Commit(Take(), 1, 7);
  Append(1);
  ledger_.acked.insert(1);
  Commit(Take(), 1, 8);
  lane_.Tick(now_);
  const size_t one = budget_.bytes();
  EXPECT_GT(one, 0U);
  ledger_.acked.insert(0);  // told of its timeout, or gone
  lane_.Tick(now_);
  EXPECT_EQ(budget_.bytes(), 0U);
}

TEST_F(LaneTest, OneUnacknowledgedPartDoesNotKeepTheOnesBehindIt) {
  Append(0);
  Commit(Take(), 1, 7);
  const size_t one = budget_.bytes();
  for (uint64_t i = 1; i <= 10; ++i) {
    Append(i);
    Commit(Take(), 1, 7 + i);
    ledger_.acked.insert(i);
  }
  lane_.Tick(now_);
  EXPECT_EQ(budget_.bytes(), one);
}

class PromisedLaneTest : public LaneTest, public ::testing::WithParamInterface<WriteConcern> {};

INSTANTIATE_TEST_SUITE_P(All, PromisedLaneTest,
                         ::testing::Values(WriteConcern::kFireAndForget, WriteConcern::kMemory));

TEST_P(PromisedLaneTest, WhatIsAcknowledgedEarlyIsTriedUntilItIsCommitted) {
  Append(0, GetParam());
  const PartPtr part = Take();
  ledger_.acked.insert(0);
  EXPECT_TRUE(lane_.owes_commits());
  lane_.OnUnavailable(part->id(), now_);
  now_ += milliseconds(50);
  EXPECT_EQ(Take(), part);
  lane_.OnOverloaded(part->id(), now_);
  EXPECT_TRUE(lane_.owes_commits());
  now_ += milliseconds(100);
  EXPECT_EQ(Take(), part);
  Commit(part);
  EXPECT_FALSE(lane_.owes_commits());
}

TEST_P(PromisedLaneTest, OverloadGivesBackOnlyWhatIsWaitedFor) {
  Append(0);
  Append(1, GetParam());
  Append(2, WriteConcern::kPersisted);
  const PartPtr part = Take();
  lane_.OnOverloaded(part->id(), now_);
  EXPECT_EQ(ledger_.done.size(), 2U);
  EXPECT_EQ(ledger_.done.at(0), OpOutcome::kOverloaded);
  EXPECT_EQ(ledger_.done.at(2), OpOutcome::kOverloaded);
}

TEST_P(PromisedLaneTest, WhatIsRefusedForGoodIsNotTriedAgain) {
  Append(0, GetParam());
  lane_.OnRefused(Take()->id());
  EXPECT_EQ(ledger_.done.at(0), OpOutcome::kOverloaded);
  EXPECT_TRUE(lane_.empty());
}

TEST_F(LaneTest, AReleasedBudgetAllowsRevivals) {
  MemoryBudget budget(1'000, probe_);
  budget.Take(1'001);
  EXPECT_TRUE(budget.Exhausted());
  budget.Return(400);
  EXPECT_FALSE(budget.Exhausted());
  EXPECT_FALSE(budget.Relaxed());
  budget.Return(200);
  EXPECT_TRUE(budget.Relaxed());
}

TEST(PartTest, ColumnsCarryTheOps) {
  metrics::Registry registry;
  Probe probe(registry, 0);
  MemoryBudget budget(1'000'000, probe);
  Part part(7 << kShardBits, 0, budget);
  wire::Op put;
  put.kind = wire::OpKind::kPut;
  put.map = "a";
  put.key = "key";
  put.value = "\x01";
  put.has_timestamp = true;
  put.timestamp = {5, 6, "node"};
  put.has_ttl = true;
  put.ttl_ms = 1.5;
  wire::Op remove;
  remove.kind = wire::OpKind::kRemove;
  remove.map = "b";
  remove.key = "k";
  part.Append(put, WriteConcern::kApplied, "o1", {});
  part.Append(remove, WriteConcern::kApplied, "o2", {});
  part.Append(put, WriteConcern::kApplied, "o1", {});

  const sync::v1::ApplyPart& message = part.message();
  EXPECT_EQ(message.kinds(), (std::string{1, 2, 1}));
  EXPECT_EQ(message.maps_size(), 2);
  EXPECT_EQ(message.origins_size(), 2);
  EXPECT_EQ(message.map_index(2), 0U);
  EXPECT_EQ(message.nodes(static_cast<int>(message.node_index(1))), "");
  EXPECT_EQ(message.keys(), "keykkey");
  EXPECT_EQ(message.value_lengths(1), 0U);
  EXPECT_EQ(message.millis(1), 0);
  EXPECT_EQ(message.counters(0), 6);
  ASSERT_EQ(message.ttl_index_size(), 2);
  EXPECT_EQ(message.ttl_index(1), 2U);
  EXPECT_EQ(message.ttl_ms(1), 1.5);
}

TEST(PartTest, MayNameManyMaps) {
  constexpr int kMaps = 100;
  metrics::Registry registry;
  Probe probe(registry, 0);
  MemoryBudget budget(1'000'000, probe);
  Part part(1, 0, budget);
  for (int i = 0; i < 2 * kMaps; ++i) {
    const std::string map = "map-" + std::to_string(i % kMaps);
    wire::Op op;
    op.kind = wire::OpKind::kRemove;
    op.map = map;
    part.Append(op, WriteConcern::kApplied, "o", {});
  }
  const sync::v1::ApplyPart& message = part.message();
  ASSERT_EQ(message.maps_size(), kMaps);
  for (int i = 0; i < 2 * kMaps; ++i) {
    EXPECT_EQ(message.maps(static_cast<int>(message.map_index(i))),
              "map-" + std::to_string(i % kMaps));
  }
}

TEST_F(LaneTest, TellsWhichOpsWereStampedAnew) {
  for (uint64_t op = 0; op < 3; ++op) Append(op);
  const PartPtr part = Take();
  const std::string outcomes{crdt::v1::OUTCOME_APPLIED, crdt::v1::OUTCOME_RESTAMPED,
                             crdt::v1::OUTCOME_STALE};
  lane_.OnCommitted(part->id(), {.position = {1, 1}, .outcomes = outcomes});
  EXPECT_EQ(ledger_.done.size(), 3U);
  EXPECT_EQ(ledger_.restamped, (std::map<uint64_t, std::string>{{1, "m/k=v"}}));
}

}  // namespace
}  // namespace topgun::gateway
