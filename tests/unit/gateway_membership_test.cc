// Gateways that find, suspect, condemn and miss each other through one shared map: joins and
// departures, processes that stop or are cut off, clocks that disagree.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway_fakes.h"
#include "state/cell.h"
#include "state/keys.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock::time_point;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr milliseconds kTick{100};

// The shared map: LWW cells, and its changes in order.
struct SharedMap {
  struct Write {
    std::string key;
    std::string cell;
  };
  std::map<std::string, std::string> cells;
  std::vector<Write> writes;

  void Put(const std::string& key, const std::string& value, const crdt::TimestampView& timestamp) {
    state::CellView old;
    const auto found = cells.find(key);
    if (found != cells.end() && state::DecodeCell(found->second, &old) &&
        timestamp <= old.timestamp) {
      return;
    }
    cells[key] = state::EncodeCell({.version = {},
                                    .commit_ms = 1,
                                    .timestamp = timestamp,
                                    .tombstone = false,
                                    .has_ttl = false,
                                    .ttl_ms = 0,
                                    .value = value});
    writes.push_back({key, cells[key]});
  }
};

// One loop of one gateway. While it is cut off, what it sends waits and nothing reaches it; while
// it is frozen, it does nothing at all.
class Gateway final : public CellReader, public WriteSink {
 public:
  Gateway(std::string id, SharedMap& shared, int64_t clock_ms)
      : id_(std::move(id)),
        shared_(shared),
        clock_(clock_ms),
        seen_(shared.writes.size()),
        view_({.self = {.id = id_, .host = "127.0.0.1", .port = 11001, .url = {}},
               .membership = true},
              clock_),
        membership_({.enabled = true, .speaks = true}, view_, mirror_, store_, *this, clock_,
                    probe_) {
    detached_.Bind(*this);
    membership_.Start();
    mirror_.Start();
  }

  void ReadCells(const std::string& /*map*/, const std::vector<std::string>& keys,
                 Done done) override {
    requests_.push_back([this, key = keys.front(), done = std::move(done)] {
      done(std::vector<std::string>{shared_.cells[key]});
    });
  }
  void Submit(const wire::Op& op, wire::WriteConcern /*concern*/, std::string_view /*origin*/,
              const OpRef& ref) override {
    requests_.push_back([this, key = std::string(op.key), value = std::string(op.value),
                         node = std::string(op.timestamp.node_id), timestamp = op.timestamp, ref] {
      shared_.Put(key, value, {timestamp.millis, timestamp.counter, node});
      detached_.OnOpDone(ref, OpOutcome::kApplied);
    });
  }
  void SubmitDeadTag(uint32_t /*shard*/, std::string_view /*map*/, std::string_view /*tag*/,
                     const OpRef& /*ref*/) override {}
  void SubmitCounted(std::string_view /*counter*/, const CountedNode& /*counted*/,
                     const OpRef& /*ref*/) override {}
  uint32_t shard_count() const override { return 1; }
  bool Overloaded() const override { return false; }
  SinkHealth Health() const override { return SinkHealth::kHealthy; }

  void Tick(Time now, milliseconds step) {
    clock_.Set(clock_.NowMs() + step.count());
    if (frozen) return;
    if (!cut_off) Receive();
    mirror_.Tick(now);
    membership_.Tick(now);
    for (int round = 0; round < 4 && !cut_off; ++round) Answer();
  }

  // What a broken watch stream and its return look like.
  void Reconnect() {
    cut_off = false;
    mirror_.OnGap();
  }

  std::string Nodes() const {
    std::string ids;
    for (const ClusterNode& node : view_.map().nodes) ids += (ids.empty() ? "" : " ") + node.id;
    return ids;
  }
  NodeHealth HealthOf(const std::string& id) const {
    for (const Member& member : membership_.Members()) {
      if (member.row.node.id == id) return member.health;
    }
    ADD_FAILURE() << id << " is no member";
    return NodeHealth::kDead;
  }
  bool Condemned() const {
    return registry_.Render().find("gateway_nodes_condemned_total 0") == std::string::npos;
  }

  ClusterView& view() { return view_; }
  Membership& membership() { return membership_; }

  bool cut_off = false;
  bool frozen = false;
  // The one row whose news do not arrive, as when its shard lags.
  std::string deaf_to;

 private:
  void Receive() {
    for (; seen_ < shared_.writes.size(); ++seen_) {
      const SharedMap::Write& write = shared_.writes[seen_];
      if (write.key == deaf_to) continue;
      mirror_.OnChange({.map = state::kNodeMap,
                        .kind = state::CellKind::kLww,
                        .key = write.key,
                        .cell = write.cell,
                        .shard = 0,
                        .position = {1, seen_ + 1}});
    }
    mirror_.OnProgress();
  }

  void Answer() {
    while (!reader_.reads.empty()) {
      std::map<std::string, std::string> rows;
      for (const auto& [key, bytes] : shared_.cells) {
        state::CellView cell;
        if (state::DecodeCell(bytes, &cell)) rows[key] = std::string(cell.value);
      }
      reader_.Answer(rows, {{1, shared_.writes.size()}});
    }
    for (const auto& request : std::exchange(requests_, {})) request();
    turns_.Run();
  }

  const std::string id_;
  SharedMap& shared_;
  support::ManualClock clock_;
  size_t seen_;
  metrics::Registry registry_;
  Probe probe_{registry_, 0};
  FakeTurns turns_;
  FakeSource source_;
  FakeReader reader_;
  std::vector<std::function<void()>> requests_;
  DetachedWrites detached_{DetachedWriteOptions(), turns_.defer(), probe_};
  SystemStore store_{id_, *this, detached_, turns_.defer(), clock_};
  MapMirror mirror_{std::string(state::kNodeMap), source_, reader_, clock_};
  ClusterView view_;
  Membership membership_;
};

class MembershipTest : public ::testing::Test {
 protected:
  Gateway& Start(const std::string& id, int64_t clock_ms = kNow) {
    gateways_.push_back(std::make_unique<Gateway>(id, shared_, clock_ms));
    return *gateways_.back();
  }
  // SIGKILL.
  void Kill(const Gateway& gateway) {
    std::erase_if(gateways_, [&](const auto& each) { return each.get() == &gateway; });
  }
  void Run(milliseconds duration) {
    for (milliseconds passed{0}; passed < duration; passed += kTick) {
      now_ += kTick;
      for (const auto& gateway : gateways_) gateway->Tick(now_, kTick);
    }
  }
  size_t Writes() const { return shared_.writes.size(); }

  SharedMap shared_;
  std::vector<std::unique_ptr<Gateway>> gateways_;
  Time now_ = std::chrono::steady_clock::now();
};

TEST_F(MembershipTest, GatewaysThatStartTogetherKnowEachOtherUnderOneVersion) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Gateway& c = Start("c");
  Run(milliseconds(500));
  EXPECT_EQ(a.Nodes(), "a b c");
  EXPECT_GT(a.view().map().version, 0);
  EXPECT_EQ(b.view().map().nodes, a.view().map().nodes);
  EXPECT_EQ(c.view().map().nodes, a.view().map().nodes);
}

TEST_F(MembershipTest, LaterChangesHaveTheSameVersionEverywhere) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(500));
  Gateway& c = Start("c", kNow + 700);
  Run(milliseconds(500));
  EXPECT_EQ(b.view().map(), a.view().map());
  EXPECT_EQ(c.view().map(), a.view().map());
}

TEST_F(MembershipTest, SignsOfLifeAreWrittenOncePerBeatAndChangeNoVersion) {
  Gateway& a = Start("a");
  Run(milliseconds(500));
  const int64_t version = a.view().map().version;
  const size_t before = Writes();
  Run(milliseconds(10'000));
  EXPECT_EQ(Writes() - before, 10U);
  EXPECT_EQ(a.view().map().version, version);
}

TEST_F(MembershipTest, AKilledGatewayIsSuspectAndThenTakenOutUnderAHigherVersion) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Gateway& c = Start("c");
  Run(milliseconds(2'000));
  const int64_t version = a.view().map().version;
  Kill(c);
  Run(milliseconds(4'000));
  EXPECT_EQ(a.HealthOf("c"), NodeHealth::kSuspect);
  EXPECT_EQ(a.Nodes(), "a b c");
  Run(milliseconds(2'500));
  EXPECT_EQ(a.HealthOf("c"), NodeHealth::kDead);
  EXPECT_EQ(a.Nodes(), "a b");
  EXPECT_EQ(b.view().map(), a.view().map());
  EXPECT_GT(a.view().map().version, version);
  // The first by id passes the verdict; the other hears of it in time.
  EXPECT_TRUE(a.Condemned());
  EXPECT_FALSE(b.Condemned());
}

TEST_F(MembershipTest, AGatewayThatStopsInOrderIsGoneAtOnce) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(1'000));
  const int64_t version = a.view().map().version;
  b.membership().Leave();
  Run(milliseconds(300));
  EXPECT_TRUE(b.membership().left());
  EXPECT_EQ(a.Nodes(), "a");
  EXPECT_GT(a.view().map().version, version);
  ASSERT_EQ(a.membership().Members().size(), 1U);
  // No sign of life follows the departure.
  const size_t before = Writes();
  Kill(a);
  Run(milliseconds(5'000));
  EXPECT_EQ(Writes(), before);
}

TEST_F(MembershipTest, WhoHasLeftMayReturnAndLeaveAgain) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(1'000));
  b.membership().Leave();
  Run(milliseconds(300));
  ASSERT_EQ(a.Nodes(), "a");
  const int64_t version = a.view().map().version;
  b.membership().Return();
  Run(milliseconds(1'000));
  EXPECT_EQ(a.Nodes(), "a b");
  EXPECT_GT(a.view().map().version, version);
  EXPECT_EQ(b.view().map(), a.view().map());
  b.membership().Leave();
  EXPECT_FALSE(b.membership().left()) << "the others do not know it yet";
  Run(milliseconds(300));
  EXPECT_TRUE(b.membership().left());
  EXPECT_EQ(a.Nodes(), "a");
}

TEST_F(MembershipTest, LeavingDuringABeatDepartsAfterIt) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(1'000));
  b.cut_off = true;
  Run(milliseconds(1'500));  // a beat of it is on its way
  b.membership().Leave();
  EXPECT_FALSE(b.membership().left());
  b.Reconnect();
  Run(milliseconds(500));
  EXPECT_TRUE(b.membership().left());
  EXPECT_EQ(a.Nodes(), "a");
}

TEST_F(MembershipTest, ARestartedGatewayIsANewMember) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(1'000));
  const int64_t version = a.view().map().version;
  Kill(b);
  Run(milliseconds(1'000));
  Gateway& again = Start("b", kNow + 2'000);
  Run(milliseconds(500));
  EXPECT_EQ(a.Nodes(), "a b");
  EXPECT_GT(a.view().map().version, version);
  EXPECT_EQ(again.view().map(), a.view().map());
}

TEST_F(MembershipTest, RowsOfAClusterThatDiedAreTakenOut) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(1'000));
  Kill(a);
  Kill(b);
  Gateway& c = Start("c", kNow + 60'000);
  Run(milliseconds(8'000));
  EXPECT_EQ(c.Nodes(), "c");
}

TEST_F(MembershipTest, AGatewayThatIsCutOffCondemnsNobodyNotEvenLater) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Gateway& c = Start("c");
  Run(milliseconds(1'000));
  a.cut_off = true;
  Run(milliseconds(20'000));
  EXPECT_EQ(a.Nodes(), "a b c");  // it keeps what it knows
  EXPECT_EQ(b.Nodes(), "b c");
  a.Reconnect();
  Run(milliseconds(10'000));
  EXPECT_FALSE(a.Condemned());
  for (const Gateway* each : {&a, &b, &c}) EXPECT_EQ(each->Nodes(), "a b c");
  EXPECT_EQ(a.view().map(), b.view().map());
}

TEST_F(MembershipTest, AProcessThatWasStoppedCondemnsNobodyAndJoinsAgain) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(1'000));
  a.frozen = true;
  Run(milliseconds(20'000));
  EXPECT_EQ(b.Nodes(), "b");
  a.frozen = false;
  Run(milliseconds(2'000));
  EXPECT_FALSE(a.Condemned());
  EXPECT_EQ(a.Nodes(), "a b");
  EXPECT_EQ(b.Nodes(), "a b");
}

TEST_F(MembershipTest, WhenEverybodyIsCutOffNobodyIsCondemned) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(1'000));
  a.cut_off = b.cut_off = true;
  Run(milliseconds(30'000));
  a.Reconnect();
  b.Reconnect();
  Run(milliseconds(10'000));
  EXPECT_FALSE(a.Condemned());
  EXPECT_FALSE(b.Condemned());
  EXPECT_EQ(a.Nodes(), "a b");
}

TEST_F(MembershipTest, ARowThatOnlyLagsIsReadAfreshBeforeTheVerdict) {
  Gateway& a = Start("a");
  Gateway& b = Start("b");
  Run(milliseconds(1'000));
  a.deaf_to = "b";
  Run(milliseconds(20'000));
  EXPECT_FALSE(a.Condemned());
  EXPECT_EQ(a.Nodes(), "a b");
  Kill(b);
  Run(milliseconds(20'000));
  EXPECT_TRUE(a.Condemned());
}

TEST_F(MembershipTest, ClocksThatDisagreeDoNotMatter) {
  Gateway& a = Start("a", kNow + 3'600'000);
  Gateway& b = Start("b", kNow - 3'600'000);
  Run(milliseconds(500));
  EXPECT_EQ(a.Nodes(), "a b");
  EXPECT_EQ(b.view().map(), a.view().map());
  const int64_t version = a.view().map().version;
  Run(milliseconds(20'000));
  EXPECT_EQ(a.view().map().version, version);
  Kill(a);
  Run(milliseconds(7'000));
  EXPECT_EQ(b.Nodes(), "b");
  EXPECT_GT(b.view().map().version, version);
}

TEST_F(MembershipTest, OfTwoProcessesWithOneIdTheNewerIsTheMember) {
  Gateway& old_one = Start("a");
  Run(milliseconds(1'000));
  Start("a", kNow + 1'000);
  Run(milliseconds(2'000));
  const int64_t version = old_one.view().map().version;
  const size_t before = Writes();
  Run(milliseconds(10'000));
  EXPECT_EQ(Writes() - before, 10U);  // one of them gives signs of life
  EXPECT_EQ(old_one.view().map().version, version);
  // The older one must not take the newer one's row with it.
  old_one.membership().Leave();
  EXPECT_TRUE(old_one.membership().left());
  EXPECT_EQ(Writes() - before, 10U);
}

TEST_F(MembershipTest, WithoutMembershipTheGatewayIsTheOnlyMember) {
  const DispatchHarness gateway;
  const std::vector<Member> members = gateway.membership.Members();
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].row.node.id, "node-0");
  EXPECT_EQ(members[0].health, NodeHealth::kHealthy);
}

}  // namespace
}  // namespace topgun::gateway
